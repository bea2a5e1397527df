package certs

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of an input. The largest real chains, with the text that openssl
// prints before each block, are a tenth of this; encoding/pem and path
// building take time that grows faster than the input (CVE-2024-12401 in
// cert-manager).
const (
	maxInput  = 1 << 20
	maxBlocks = 64
)

// block is what stands between a BEGIN line and its END line.
type block struct {
	index     int // from 1
	line      int // of BEGIN
	label     string
	der       []byte
	encrypted bool // by the headers of RFC 1421
}

// scanner reads blocks leniently and remembers where it had to be lenient.
// Neither encoding/pem nor OpenSSL will do as the reader: the first skips a
// block that it cannot read as if it were text, the second stops there, and
// neither tells the line.
type scanner struct {
	input    Input
	findings []Finding
	once     map[Code]bool
	blocks   []block
	count    int // blocks begun, readable or not

	// The block being read.
	open    bool
	bad     bool // reported already
	started bool // body or header seen
	header  bool
	blank   int // line of a blank line that a body may follow
	first   int // line of a blank line right after BEGIN
	short   bool
	cur     block
	body    []byte
}

func scan(input Input, data []byte) ([]block, []Finding) {
	s := &scanner{input: input, once: map[Code]bool{}}
	if s.whole(data) {
		return nil, s.findings
	}
	i := -1
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		i++
		if s.count > maxBlocks {
			s.report(CodeTooLarge, SeverityError, i+1, fmt.Sprintf("more than %d PEM blocks: this is no certificate chain", maxBlocks),
				"Give the certificate of the host and its intermediates only.")
			return nil, s.findings
		}
		s.line(i+1, string(line))
	}
	if s.open {
		s.damaged(s.cur.line, "is cut off: it has no END line")
	}
	return s.blocks, s.findings
}

var (
	bom     = "\ufeff"
	oidP7   = []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07}
	p12Head = []byte{0x02, 0x01, 0x03, 0x30}
)

// whole recognises inputs that have no readable line at all.
func (s *scanner) whole(data []byte) (done bool) {
	const again = "Ask for, or convert to, PEM: text with BEGIN and END lines."
	head := data[:min(len(data), 64)]
	switch {
	case len(data) > maxInput:
		s.report(CodeTooLarge, SeverityError, 0, fmt.Sprintf("%d bytes, more than the %d that any pair has", len(data), maxInput),
			"Give the certificate of the host and its intermediates only.")
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}), bytes.HasPrefix(data, []byte{0xfe, 0xff}),
		bytes.Contains(head, []byte("-\x00-\x00")), bytes.Contains(head, []byte("\x00-\x00-")):
		s.report(CodeUTF16, SeverityError, 1, "the text is UTF-16, which no server reads",
			`Save it again as plain text or UTF-8 (Windows calls the present encoding "Unicode").`)
	case len(data) > 1 && data[0] == 0x30 && !bytes.Contains(data, []byte("-----BEGIN")):
		switch {
		case bytes.Contains(head, oidP7) && !bytes.Contains(head, p12Head):
			s.report(CodeNotPEMPKCS7, SeverityError, 0, "this is a PKCS#7 file (.p7b), which no web server reads",
				"openssl pkcs7 -inform DER -print_certs -in FILE")
		case bytes.Contains(head[:min(len(head), 16)], p12Head):
			s.report(CodeNotPEMPKCS12, SeverityError, 0, "this is a PKCS#12 file (.p12, .pfx), which no web server reads",
				"openssl pkcs12 -in FILE -nodes writes the certificates and the key as PEM.")
		default:
			s.report(CodeNotPEMDER, SeverityError, 0, "this is binary DER, which no web server reads", again)
		}
	case bytes.IndexByte(data, '\n') < 0 && bytes.IndexByte(data, '\r') >= 0 && bytes.Contains(data, []byte("-----BEGIN")):
		s.report(CodeCROnlyLines, SeverityError, 1, "lines end with a carriage return alone, which no server takes for a line end",
			"Save it again with Unix line ends.")
	default:
		return false
	}
	return true
}

// safeLabel matches the labels that may be repeated in a message: a label is
// taken from the input, which may be a key with its lines run together.
var safeLabel = regexp.MustCompile(`^[A-Z0-9][A-Z0-9 ]{0,30}$`)

func (s *scanner) line(n int, raw string) {
	text := strings.TrimRight(raw, "\r \t\x00")
	switch rest := raw[len(text):]; {
	case strings.Contains(rest, "\x00") && s.open:
		s.damaged(n, "has NUL bytes in it")
	case strings.Contains(rest, "\x00"):
		s.warnOnce(CodeJunkText, n, "there are NUL bytes in the text")
	case strings.ContainsAny(strings.TrimSuffix(rest, "\r"), " \t"):
		s.warnOnce(CodeTrailingWhitespace, n, "there are blanks at the end of lines")
	case rest != "":
		s.warnOnce(CodeCRLF, n, "lines end as on Windows")
	}
	if cut, found := strings.CutPrefix(text, bom); found {
		s.warnOnce(CodeBOM, n, "there is a byte order mark: Go programs do not see the block that follows it, nor does any server but at the beginning of a file")
		if n > 1 {
			// OpenSSL passes over one at the beginning only.
			s.stop(CodeBOM)
		}
		text = cut
	}

	if strings.Contains(text, `\n`) && strings.Contains(text, "-----BEGIN ") {
		s.count++
		s.report(CodeEscapedNewlines, SeverityError, n, `the line ends were turned into the characters \n`,
			"Write the text with real line ends, as printf '%b' does.")
		return
	}
	if strings.Contains(text, "\r") && strings.Contains(text, "-----BEGIN ") {
		s.count++
		s.report(CodeCROnlyLines, SeverityError, n, "lines end with a carriage return alone, which no server takes for a line end",
			"Save it again with Unix line ends.")
		return
	}
	if s.open {
		s.inside(n, text)
	} else {
		s.outside(n, text)
	}
}

func (s *scanner) outside(n int, text string) {
	trimmed := strings.TrimLeft(text, " \t")
	switch {
	case text == "":
	case strings.HasPrefix(text, "-----BEGIN "):
		s.begin(n, text)
	case strings.HasPrefix(trimmed, "-----BEGIN "):
		s.begin(n, trimmed)
		s.indented(n)
	case strings.Contains(text, "-----END ") && strings.Contains(text, "-----BEGIN "):
		s.joined(n)
		s.begin(n, text[strings.Index(text, "-----BEGIN "):])
	case startsWithDash(trimmed) && strings.Contains(text, "BEGIN "):
		// Nothing of the block that this line should have begun can be read
		// in its own right: what its label was is not known.
		s.begin(n, "-----BEGIN -----")
		s.damaged(n, "has a damaged BEGIN line (five plain hyphens, BEGIN, the label, five plain hyphens): servers skip the block")
	case strings.HasPrefix(trimmed, "-----END "):
		s.count++
		s.report(CodeDamagedBlock, SeverityError, n, "there is an END line without its BEGIN line: a block is lost", restore)
	default:
		s.warnOnce(CodeJunkText, n, "there is text beside the blocks")
	}
}

const restore = "Get the file again from where it came; do not repair it by hand."

func (s *scanner) begin(n int, text string) {
	label, closed := strings.CutSuffix(strings.TrimPrefix(text, "-----BEGIN "), "-----")
	s.count++
	s.open, s.bad, s.started, s.header, s.blank, s.first, s.short, s.body = true, false, false, false, 0, 0, false, nil
	s.cur = block{index: s.count, line: n, label: label}
	if !closed {
		s.damaged(n, "has a damaged BEGIN line")
	}
}

func (s *scanner) inside(n int, text string) {
	trimmed := strings.TrimLeft(text, " \t")
	switch {
	case strings.HasPrefix(trimmed, "-----END "), s.bad && startsWithDash(trimmed) && strings.Contains(trimmed, "END "):
		if trimmed != text && !s.bad {
			s.indented(n)
		}
		s.end(n, trimmed)
	case strings.HasPrefix(trimmed, "-----BEGIN "):
		s.damaged(s.cur.line, fmt.Sprintf("is cut off: the next one begins at line %d before its END line", n))
		s.open = false
		s.outside(n, text)
	case s.bad:
	case text == "":
		// One right after BEGIN ends a header that is not there; OpenSSL takes
		// any other for the end of one that it then cannot read.
		switch {
		case s.header:
		case n > s.cur.line+1:
			s.blank = n
		default:
			s.first = n
		}
		s.header = false
	case !s.started && strings.Contains(text, ":"):
		s.started, s.header = true, true
		fallthrough
	case s.header:
		if key, value, _ := strings.Cut(text, ":"); key == "Proc-Type" && strings.Contains(value, "ENCRYPTED") {
			s.cur.encrypted = true
		}
	default:
		// Behind a header, be it none, OpenSSL wants lines of 64, but for the
		// last.
		if s.first != 0 && (s.short || len(text) > 64) {
			s.blank = s.first
		}
		s.short = len(text) < 64
		if s.blank != 0 {
			s.blankLine()
		}
		s.started = true
		s.bodyText(n, text)
	}
}

func (s *scanner) bodyText(n int, text string) {
	before := len(s.body)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '+', c == '/', c == '=':
			s.body = append(s.body, c)
		case c == ' ' || c == '\t':
		default:
			s.damaged(n, "has a character that is not base64")
			return
		}
	}
	if len(s.body)-before != len(text) {
		s.warnOnce(CodeTrailingWhitespace, n, "there are blanks inside lines")
	}
}

func (s *scanner) end(n int, text string) {
	rest, matches := strings.CutPrefix(text, "-----END "+s.cur.label+"-----")
	joined := strings.Contains(rest, "-----BEGIN ")
	switch {
	case s.bad:
	case !matches:
		s.damaged(n, "has a damaged END line, or that of another block")
	case rest != "" && !joined:
		s.damaged(n, "has text after its END line")
	default:
		s.close()
	}
	s.open = false
	if joined {
		s.joined(n)
		s.begin(n, rest[strings.Index(rest, "-----BEGIN "):])
	}
}

// close decodes the block that has come to its end.
func (s *scanner) close() {
	if s.blank != 0 {
		s.blankLine()
	}
	if !s.cur.encrypted { // else it will not be looked into
		der, err := base64.StdEncoding.DecodeString(string(s.body))
		if err != nil || len(der) == 0 {
			s.damaged(s.cur.line, "is not whole: its base64 text does not decode")
			return
		}
		s.cur.der = der
	}
	s.blocks = append(s.blocks, s.cur)
}

func (s *scanner) blankLine() {
	if s.once[CodeBlankLineInBlock] {
		return
	}
	s.warnOnce(CodeBlankLineInBlock, s.blank, "there is a blank line inside a block: OpenSSL, and so nginx and Node, do not read it")
	s.stop(CodeBlankLineInBlock)
}

// stop marks what was reported under a code as something that no server
// passes over.
func (s *scanner) stop(code Code) {
	for i := range s.findings {
		s.findings[i].stops = s.findings[i].stops || s.findings[i].Code == code
	}
}

func (s *scanner) indented(n int) {
	s.bad = true
	s.report(CodeIndentedPEM, SeverityError, n, "the block is indented, which hides it from every server",
		"Remove the blanks before each line, as those of a YAML file.")
}

func (s *scanner) joined(n int) {
	s.report(CodeJoinedBlocks, SeverityError, n, "an END line and the next BEGIN line are one line: no server reads past it",
		"Files were joined of which the first lacked its last line end: put a line end between them.")
}

func (s *scanner) damaged(n int, what string) {
	if s.bad {
		return
	}
	s.bad = true
	s.findings = append(s.findings, Finding{
		Code: CodeDamagedBlock, Severity: SeverityError, Input: s.input, Block: s.cur.index, Line: n,
		Message: "the block " + what, Hint: restore,
	})
}

func (s *scanner) report(code Code, sev Severity, line int, message, hint string) {
	f := Finding{Code: code, Severity: sev, Input: s.input, Line: line, Message: message, Hint: hint}
	if s.open {
		f.Block = s.cur.index
	}
	s.findings = append(s.findings, f)
}

func (s *scanner) warnOnce(code Code, line int, message string) {
	if !s.once[code] {
		s.once[code] = true
		s.report(code, SeverityWarning, line, message, "Normalisation puts it right.")
	}
}

// startsWithDash is true for hyphens and for what editors and chat programs
// make of them.
func startsWithDash(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return unicode.Is(unicode.Pd, r) || r == '\u2212'
}
