package certs

// Code names a kind of finding. Codes are stable: one is added, never
// renamed or given another meaning. A Code is an error, so that
//
//	errors.Is(report.Err(), certs.CodeKeyMismatch)
//
// asks for one of them.
type Code string

// Error returns the code itself.
func (c Code) Error() string { return string(c) }

// What makes an input unreadable. All are errors.
const (
	CodeTooLarge        Code = "too-large"         // more bytes or certificates than any pair has
	CodeNoCertificate   Code = "no-certificate"    // no certificate in the input
	CodeNoPrivateKey    Code = "no-private-key"    // no private key in the input
	CodeFilesSwapped    Code = "files-swapped"     // the key was given as the certificate and the other way round
	CodeNotPEMDER       Code = "not-pem-der"       // binary DER
	CodeNotPEMPKCS7     Code = "not-pem-pkcs7"     // PKCS#7 (.p7b), binary or armoured
	CodeNotPEMPKCS12    Code = "not-pem-pkcs12"    // PKCS#12 (.p12, .pfx)
	CodeUTF16           Code = "utf16"             // saved as "Unicode" on Windows
	CodeCROnlyLines     Code = "cr-only-lines"     // lines end with a carriage return alone
	CodeEscapedNewlines Code = "escaped-newlines"  // the two characters \n in place of line ends
	CodeJoinedBlocks    Code = "joined-blocks"     // END and BEGIN on one line: a missing last newline, then cat
	CodeIndentedPEM     Code = "indented-pem"      // BEGIN is not at the start of its line
	CodeDamagedBlock    Code = "damaged-block"     // truncated, not base64, not what its label says
	CodeKeyEncrypted    Code = "key-encrypted"     // needs a passphrase, for which a service would wait at its start
	CodeKeyUnsupported  Code = "key-unsupported"   // of a kind that a server or its clients cannot use
	CodeKeyMismatch     Code = "key-mismatch"      // the key belongs to none of the certificates
	CodeKeyTypeMismatch Code = "key-type-mismatch" // the key is of another kind than the certificate's: nginx -t passes, every connection fails
)

// What normalisation puts right; warnings, or information where every
// program tolerates it. In a file that is already installed, where nothing
// puts it right, [Target.Audit] reports those that stop a server as errors.
const (
	CodeBOM                     Code = "bom"                           // a byte order mark, which hides a block from Go programs
	CodeCRLF                    Code = "crlf"                          // Windows line ends
	CodeJunkText                Code = "junk-text"                     // text beside the blocks, such as that of openssl x509 -text
	CodeForeignBlock            Code = "foreign-block"                 // a block that is neither a certificate nor a key, or that belongs into the other file
	CodeTrailingWhitespace      Code = "trailing-whitespace"           // blanks at the end of lines or within them
	CodeBlankLineInBlock        Code = "blank-line-in-block"           // Go programs read the block, nginx and Node do not
	CodeNonstandardKeyLabel     Code = "nonstandard-key-label"         // such as PKCS#1 labelled PRIVATE KEY: Go programs read it, nginx and Node do not
	CodeNonstandardCertLabel    Code = "nonstandard-certificate-label" // X509 CERTIFICATE, which Go programs skip
	CodeTrustedCertificateLabel Code = "trusted-certificate-label"     // TRUSTED CERTIFICATE, which Go programs skip, and nginx for an intermediate
	CodeExtraPrivateKey         Code = "extra-private-key"             // a key in the certificate file, or more than one
	CodeLeafNotFirst            Code = "leaf-not-first"                // servers take the first certificate for the host's
	CodeChainOutOfOrder         Code = "chain-out-of-order"            // the intermediates do not each certify the one before
	CodeDuplicateCertificate    Code = "duplicate-certificate"         // the same certificate twice
	CodeUnrelatedCertificate    Code = "unrelated-certificate"         // a certificate that signed none of the chain
	CodeRootInBundle            Code = "root-in-bundle"                // the root came along; information
)

// What clients will think of the pair.
const (
	CodeChainIncomplete            Code = "chain-incomplete"             // an intermediate is missing
	CodeUnknownAuthority           Code = "unknown-authority"            // the root is none that clients trust
	CodePrivateCA                  Code = "private-ca"                   // trusted only where its root was handed out
	CodeSelfSignedLeaf             Code = "self-signed-leaf"             // the certificate of the host is its own issuer
	CodeExpired                    Code = "expired"                      // of any certificate of the chain
	CodeNotYetValid                Code = "not-yet-valid"                // of any certificate of the chain
	CodeExpiresSoon                Code = "expires-soon"                 // see Policy.RenewBefore
	CodeIntermediateExpiresFirst   Code = "intermediate-expires-first"   // the chain ends before the certificate of the host does
	CodeValidityTooLong            Code = "validity-too-long"            // longer than clients accept
	CodeValidityInverted           Code = "validity-inverted"            // ends before it begins
	CodeHostnameMismatch           Code = "hostname-mismatch"            // a name of the policy is not covered
	CodeIPNotInSAN                 Code = "ip-not-in-san"                // an address of the policy is not covered; addresses are not host names
	CodeInvalidName                Code = "invalid-name"                 // the policy asks for what is no host name
	CodeNoSAN                      Code = "no-san"                       // names no host at all
	CodeCNOnly                     Code = "cn-only"                      // names the host in the common name only
	CodeCNNotInSAN                 Code = "cn-not-in-san"                // the common name is a host that is not covered
	CodeWildcardTooBroad           Code = "wildcard-too-broad"           // such as *.org
	CodeWeakKey                    Code = "weak-key"                     // RSA below Policy.MinRSABits
	CodeWeakSignature              Code = "weak-signature"               // MD5 or SHA-1, of any certificate but a root
	CodeKeyNotForBrowsers          Code = "key-not-for-browsers"         // Ed25519 and P-521
	CodeLeafIsCA                   Code = "leaf-is-ca"                   // the certificate of the host is that of a CA
	CodeLeafKeyUsage               Code = "leaf-keyusage"                // may not sign handshakes; Go programs do not look
	CodeEKUMissing                 Code = "eku-missing"                  // does not say what it is for
	CodeEKUNoServerAuth            Code = "eku-no-serverauth"            // is not for servers, or its CA is not
	CodeIssuerNotCA                Code = "issuer-not-ca"                // a certificate that is no CA signed another
	CodePathLenExceeded            Code = "pathlen-exceeded"             // more CAs in a row than one of them allows
	CodeNameConstraint             Code = "name-constraint"              // a CA may not issue for these names
	CodePathInvalid                Code = "path-invalid"                 // refused by crypto/x509 for a reason without a code of its own
	CodeUnhandledCriticalExtension Code = "unhandled-critical-extension" // clients must refuse what they do not know
	CodeSerialInvalid              Code = "serial-invalid"               // zero, negative or longer than 20 bytes
	CodeMustStaple                 Code = "must-staple"                  // demands OCSP stapling
)

// What [Target.Audit] finds about the files themselves.
const (
	CodeKeyMode            Code = "key-mode"            // who may read the key
	CodeCertMode           Code = "cert-mode"           // who may write the certificate
	CodeDirWritable        Code = "dir-writable"        // who may replace the files
	CodeOwner              Code = "owner"               // neither root nor the owner of the directory
	CodeIsSymlink          Code = "is-symlink"          // a symbolic link: Install refuses to replace it
	CodeStaleFile          Code = "stale-file"          // another private key lies there
	CodeInterruptedInstall Code = "interrupted-install" // a journal: an installation was killed or is under way
)
