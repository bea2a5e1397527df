package certs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Audit judges the installed pair as it is on disk, where no normalisation
// puts anything right, and its files: modes, owners, symbolic links, and what
// was left behind. It changes nothing. A missing file is a finding; a
// directory that is missing or may not be read is an error.
func (t Target) Audit(pol Policy) (*Report, error) {
	p, err := t.paths()
	if err != nil {
		return nil, &Error{Op: "audit", Path: t.display(), Err: err}
	}
	r, err := p.audit(pol)
	if err != nil {
		return nil, &Error{Op: "audit", Path: p.dir, Err: err}
	}
	return r, nil
}

func (p paths) audit(pol Policy) (*Report, error) {
	d, err := readDir(p.dir, p)
	if err != nil {
		return nil, err
	}
	if d.dir == nil {
		return nil, fs.ErrNotExist
	}
	pair := Parse(d.cert.data, d.key.data)
	r := pair.Verify(pol)
	for i, f := range r.Findings {
		if f.stops {
			r.Findings[i].Severity = SeverityError
			r.Findings[i].Hint = "Install the pair again with this package, which puts it right."
		}
	}
	r.auditFile(filepath.Join(p.dir, p.cert), InputCert, d.cert, d.dir)
	r.auditFile(filepath.Join(p.dir, p.key), InputKey, d.key, d.dir)
	r.auditKeyMode(pair, d)
	for _, dir := range []string{p.dir, p.parent} {
		info, err := os.Stat(dir)
		if err != nil {
			return nil, err
		}
		if info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
			r.add(Finding{Code: CodeDirWritable, Severity: SeverityError, Subject: dir,
				Message: fmt.Sprintf("others than the owner may write to the directory (mode %#o), and so replace the key", info.Mode().Perm()), Hint: "chmod go-w " + dir})
		}
	}
	return r, p.auditRest(r)
}

func (r *Report) auditFile(path string, in Input, f file, dir fs.FileInfo) {
	if f.info == nil {
		// Parse is content to find both in the other file; a server is not.
		if code := map[Input]Code{InputCert: CodeNoCertificate, InputKey: CodeNoPrivateKey}[in]; !r.Has(code) {
			r.add(Finding{Code: code, Severity: SeverityError, Input: in, Subject: path, Message: "the file does not exist"})
		}
		return
	}
	if f.link {
		r.add(Finding{Code: CodeIsSymlink, Severity: SeverityWarning, Input: in, Subject: path,
			Message: "the file is a symbolic link: another program manages it, and Install will not replace it"})
	}
	uid, _ := ownerOf(f.info)
	dirUID, _ := ownerOf(dir)
	if uid != 0 && uid != dirUID {
		r.add(Finding{Code: CodeOwner, Severity: SeverityWarning, Input: in, Subject: path,
			Message: fmt.Sprintf("the file belongs to user %d, neither root nor the owner of the directory, who may change it", uid)})
	}
}

// auditKeyMode looks at who may read and write: the key, wherever it stands.
func (r *Report) auditKeyMode(p *Pair, d files) {
	if d.key.info != nil {
		switch mode := d.key.info.Mode().Perm(); {
		case mode&0o027 != 0:
			r.add(Finding{Code: CodeKeyMode, Severity: SeverityError, Input: InputKey,
				Message: fmt.Sprintf("the mode of the key is %#o: others than its owner and group may read it, or than its owner write it", mode), Hint: "chmod 0600, and get a new key if there are other users on the host."})
		case mode&0o040 != 0:
			r.add(Finding{Code: CodeKeyMode, Severity: SeverityInfo, Input: InputKey, Message: fmt.Sprintf("the mode of the key is %#o: its group may read it", mode)})
		}
	}
	if d.cert.info != nil {
		switch mode := d.cert.info.Mode().Perm(); {
		case mode&0o022 != 0:
			r.add(Finding{Code: CodeCertMode, Severity: SeverityError, Input: InputCert, Message: fmt.Sprintf("the mode of the certificate is %#o: others than its owner may change it", mode), Hint: "chmod 0644"})
		case mode&0o044 != 0 && bytes.Contains(d.cert.data, keyMark):
			r.add(Finding{Code: CodeKeyMode, Severity: SeverityError, Input: InputCert, Message: fmt.Sprintf("there is a private key in the certificate file, which others may read (mode %#o)", mode), Hint: "Get a new key, and install the pair again."})
		}
	}
}

var keyMark = []byte("PRIVATE KEY-----")

// auditRest looks for what was left behind in the directory and beside it.
func (p paths) auditRest(r *Report) error {
	if _, err := os.Lstat(p.journal); err == nil {
		r.add(Finding{Code: CodeInterruptedInstall, Severity: SeverityError, Subject: p.journal,
			Message: "an installation was killed, or is under way: the files may not be a pair", Hint: "Recover, or the next Install, heals it."})
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == p.cert || e.Name() == p.key || !e.Type().IsRegular() {
			continue
		}
		path := filepath.Join(p.dir, e.Name())
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		data, err := readBounded(f)
		f.Close()
		if err != nil {
			return err
		}
		if bytes.Contains(data, keyMark) {
			r.add(Finding{Code: CodeStaleFile, Severity: SeverityWarning, Subject: path,
				Message: "another private key lies beside the pair", Hint: "Remove it if nothing uses it."})
		}
	}
	return nil
}
