package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"strings"
)

// secret keeps a private key where no formatter, encoder or debugger of
// values finds it: they walk unexported fields by reflection, but cannot look
// into a func.
type secret func() crypto.Signer

func keep(k crypto.Signer) secret { return func() crypto.Signer { return k } }

// publicKey is what every public key of the standard library has.
type publicKey interface{ Equal(crypto.PublicKey) bool }

// matches compares type and value: nginx compares neither when the types
// differ, and older tools compared half of an elliptic curve point.
func (s secret) matches(c *x509.Certificate) bool {
	pub, ok := c.PublicKey.(publicKey)
	return ok && pub.Equal(s().Public())
}

// parseKey reads a private key block whatever its label says; standard tells
// whether the label is the one that OpenSSL demands for that form. No error
// carries a cause: those of crypto/x509 may quote the input.
func parseKey(b block) (k secret, standard bool, bad *Finding) {
	fail := func(code Code, message, hint string) (secret, bool, *Finding) {
		return nil, false, &Finding{Code: code, Severity: SeverityError, Input: InputKey, Block: b.index, Line: b.line, Message: message, Hint: hint}
	}
	unsupported := func(what string) (secret, bool, *Finding) {
		return fail(CodeKeyUnsupported, "the key is of a kind that servers or clients cannot use: "+what,
			"Use ECDSA P-256 or RSA of 2048 bits or more.")
	}
	switch {
	case b.encrypted, b.label == "ENCRYPTED PRIVATE KEY":
		return fail(CodeKeyEncrypted, "the key needs a passphrase, for which the server would wait at each start",
			"openssl pkey -in FILE -out PLAIN asks for it and writes the key without it.")
	case b.label == "OPENSSH PRIVATE KEY":
		return unsupported("an OpenSSH key")
	case b.label == "DSA PRIVATE KEY":
		return unsupported("DSA")
	}

	var parsed any
	if key, err := x509.ParsePKCS8PrivateKey(b.der); err == nil {
		parsed = key
		// OpenSSL finds the form from the content under this label.
		standard = b.label == "PRIVATE KEY" || b.label == "RSA PRIVATE KEY"
	} else if key, err := x509.ParsePKCS1PrivateKey(b.der); err == nil {
		parsed, standard = key, b.label == "RSA PRIVATE KEY"
	} else if key, err := x509.ParseECPrivateKey(b.der); err == nil {
		parsed, standard = key, b.label == "EC PRIVATE KEY"
	} else if what := unsupportedKey(b.der); what != "" {
		return unsupported(what)
	} else {
		return fail(CodeDamagedBlock, "the block is not a private key, or not all of one", restore)
	}

	switch key := parsed.(type) {
	case *rsa.PrivateKey:
		return keep(key), standard, nil
	case *ecdsa.PrivateKey:
		if key.Curve == elliptic.P224() {
			return unsupported("the curve P-224, for which no client has a TLS signature")
		}
		if !publicPartMatches(b.der, &key.PublicKey) {
			return fail(CodeDamagedBlock, "the block is damaged: the public part of the key is not that of its private part, and OpenSSL refuses it", restore)
		}
		return keep(key), standard, nil
	case ed25519.PrivateKey:
		return keep(key), standard, nil
	}
	return unsupported(fmt.Sprintf("%T cannot sign", parsed))
}

// pkcs8 is the private key of RFC 5958.
type pkcs8 struct {
	Version    int
	Algorithm  pkix.AlgorithmIdentifier
	PrivateKey []byte
	Rest       asn1.RawValue `asn1:"optional"`
}

func parsePKCS8(der []byte) (key pkcs8, err error) {
	_, err = asn1.Unmarshal(der, &key)
	return key, err
}

// unsupportedKey names the algorithm of a private key that crypto/x509 does
// not read; empty if it is no key at all.
func unsupportedKey(der []byte) string {
	if key, err := parsePKCS8(der); err == nil {
		return unsupportedAlgorithm(key.Algorithm)
	}
	var key sec1
	if _, err := asn1.Unmarshal(der, &key); err == nil && key.Version == 1 {
		return curveName(key.Curve)
	}
	return ""
}

// sec1 is the private key of RFC 5915.
type sec1 struct {
	Version    int
	PrivateKey []byte
	Curve      asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
	Public     asn1.BitString        `asn1:"optional,explicit,tag:1"`
}

// publicPartMatches tells whether the public key that an elliptic curve key
// carries with it, if it does, is the right one: crypto/x509 does not look.
func publicPartMatches(der []byte, pub *ecdsa.PublicKey) bool {
	if in, err := parsePKCS8(der); err == nil {
		der = in.PrivateKey
	}
	var key sec1
	if _, err := asn1.Unmarshal(der, &key); err != nil {
		return false
	}
	if key.Public.BitLength == 0 {
		return true
	}
	point, err := pub.Bytes()
	if err != nil {
		return false
	}
	// Compressed, it is one coordinate and the sign of the other.
	compressed := append([]byte{2 + point[len(point)-1]&1}, point[1:1+len(point)/2]...)
	return bytes.Equal(key.Public.Bytes, point) || bytes.Equal(key.Public.Bytes, compressed)
}

// The object identifiers of keys that are met in practice and that not every
// server and client can use.
var (
	oidEC        = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	unsupportedK = map[string]string{
		"1.2.840.113549.1.1.10": "RSA restricted to PSS (rsassaPss)",
		"1.2.840.10040.4.1":     "DSA",
		"1.2.840.113549.1.3.1":  "Diffie-Hellman",
		"1.3.101.110":           "X25519, which cannot sign",
		"1.3.101.111":           "X448, which cannot sign",
		"1.3.101.113":           "Ed448",
	}
	curves = map[string]string{
		"1.3.132.0.10":          "secp256k1",
		"1.3.132.0.33":          "P-224",
		"1.2.840.10045.3.1.1":   "P-192",
		"1.3.36.3.3.2.8.1.1.7":  "brainpoolP256r1",
		"1.3.36.3.3.2.8.1.1.11": "brainpoolP384r1",
		"1.3.36.3.3.2.8.1.1.13": "brainpoolP512r1",
		"1.2.156.10197.1.301":   "SM2",
	}
)

func unsupportedAlgorithm(alg pkix.AlgorithmIdentifier) string {
	if alg.Algorithm.Equal(oidEC) {
		var curve asn1.ObjectIdentifier
		if _, err := asn1.Unmarshal(alg.Parameters.FullBytes, &curve); err != nil {
			return "an elliptic curve given by its parameters"
		}
		return curveName(curve)
	}
	return unsupportedK[alg.Algorithm.String()]
}

func curveName(oid asn1.ObjectIdentifier) string {
	if name, ok := curves[oid.String()]; ok {
		return "the curve " + name
	}
	switch oid.String() {
	case "1.2.840.10045.3.1.7", "1.3.132.0.34", "1.3.132.0.35":
		return "" // P-256, P-384, P-521: supported, so the block is damaged
	}
	return "the curve " + oid.String()
}

// keyKind names the kind of a public key for a message.
func keyKind(pub any) string {
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA-%d", pub.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + pub.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return "unknown"
}

// sameKind tells whether two public keys are for the same algorithm, however
// large.
func sameKind(a, b any) bool { return fmt.Sprintf("%T", a) == fmt.Sprintf("%T", b) }

// encodeKey writes the one form that nginx, Node and Go read whatever the
// kind of the key.
func encodeKey(k crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func isKeyLabel(label string) bool { return strings.HasSuffix(label, "PRIVATE KEY") }
