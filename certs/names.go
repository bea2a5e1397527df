package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/idna"
)

// name is a host name or address as certificates hold it.
type name struct {
	given string
	dns   string // in A-label form; a wildcard keeps its first label
	ip    netip.Addr
}

var errNotAName = errors.New("neither a host name nor an IP address")

// parseName reads a host name in Unicode or ASCII, with or without the final
// dot, a wildcard such as *.example.org, or an IP address, also in brackets.
func parseName(given string) (name, error) {
	n := name{given: given}
	text := given
	if inner, ok := strings.CutPrefix(text, "["); ok {
		text = strings.TrimSuffix(inner, "]")
	}
	if ip, err := netip.ParseAddr(text); err == nil {
		if ip.Zone() != "" {
			return n, fmt.Errorf("%q: an address in a certificate has no zone", given)
		}
		n.ip = ip.Unmap()
		return n, nil
	}
	host := strings.TrimSuffix(given, ".")
	host, wildcard := strings.CutPrefix(host, "*.")
	ascii, err := idna.Lookup.ToASCII(host)
	switch {
	case err != nil:
		return n, fmt.Errorf("%q: %w: %w", given, errNotAName, err)
	case ascii == "", len(ascii) > 253, lastLabelIsNumber(ascii):
		return n, fmt.Errorf("%q: %w", given, errNotAName)
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if label == "" || len(label) > 63 {
			return n, fmt.Errorf("%q: %w", given, errNotAName)
		}
	}
	n.dns = strings.ToLower(ascii)
	if wildcard {
		n.dns = "*." + n.dns
	}
	return n, nil
}

// lastLabelIsNumber is true for what was meant as an IPv4 address: no top
// level domain is a number.
func lastLabelIsNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	return strings.Trim(last, "0123456789") == ""
}

// checkNames adds one finding for each name that the leaf does not cover.
func (r *Report) checkNames(leaf *x509.Certificate, names []string) {
	for _, given := range names {
		n, err := parseName(given)
		if err != nil {
			r.add(Finding{Code: CodeInvalidName, Severity: SeverityError, Message: clean(err.Error()),
				Hint: "Give host names and addresses without scheme, port or path.", Err: err})
			continue
		}
		f := Finding{Code: CodeHostnameMismatch, Severity: SeverityError,
			Message: fmt.Sprintf("clients that ask for %s will refuse it: it is for %s", clean(given), sanList(leaf)),
			Hint:    "Have a certificate issued with that name among its subject alternative names."}
		switch {
		case n.ip.IsValid():
			// An address is compared with addresses only.
			if f.Err = leaf.VerifyHostname(n.ip.String()); f.Err != nil {
				f.Code = CodeIPNotInSAN
				if slices.Contains(leaf.DNSNames, n.ip.String()) {
					f.Message += "; there it stands as a host name, which does not count for an address"
				}
				r.at(leaf, f)
			}
		case strings.HasPrefix(n.dns, "*."):
			if !slices.ContainsFunc(leaf.DNSNames, func(san string) bool { return strings.EqualFold(san, n.dns) }) {
				r.at(leaf, f)
			}
		default:
			if f.Err = leaf.VerifyHostname(n.dns); f.Err != nil {
				r.at(leaf, f)
			}
		}
	}
}

func sanList(c *x509.Certificate) string {
	all := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "no name at all"
	}
	return clean(strings.Join(all, ", "))
}

// checkSANs looks at the leaf's names on their own.
func (r *Report) checkSANs(leaf *x509.Certificate) {
	cn := leaf.Subject.CommonName
	if len(leaf.DNSNames)+len(leaf.IPAddresses) == 0 {
		f := Finding{Code: CodeNoSAN, Severity: SeverityError, Message: "it names no host: every client refuses it",
			Hint: "Have it issued with the host's names as subject alternative names."}
		if cn != "" {
			f.Code = CodeCNOnly
			f.Message = "it names the host in its common name only, which clients no longer read: all refuse it"
		}
		r.at(leaf, f)
		return
	}
	if n, err := parseName(cn); err == nil && (n.ip.IsValid() || strings.Contains(n.dns, ".")) {
		covered := slices.ContainsFunc(leaf.DNSNames, func(san string) bool { return strings.EqualFold(san, n.dns) }) ||
			n.ip.IsValid() && leaf.VerifyHostname(n.ip.String()) == nil
		if !covered {
			r.at(leaf, Finding{Code: CodeCNNotInSAN, Severity: SeverityWarning,
				Message: "its common name is not among its subject alternative names: clients refuse it under that name"})
		}
	}
	for _, san := range leaf.DNSNames {
		if rest, wildcard := strings.CutPrefix(san, "*."); san == "*" || wildcard && !strings.Contains(rest, ".") {
			r.at(leaf, Finding{Code: CodeWildcardTooBroad, Severity: SeverityWarning,
				Message: "the wildcard " + clean(san) + " covers a whole top-level domain, which clients do not accept"})
		}
	}
}
