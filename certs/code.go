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
	CodeTooLarge        Code = "too-large"        // more bytes or certificates than any pair has
	CodeNoCertificate   Code = "no-certificate"   // no certificate in the input
	CodeNoPrivateKey    Code = "no-private-key"   // no private key in the input
	CodeFilesSwapped    Code = "files-swapped"    // the key was given as the certificate and the other way round
	CodeNotPEMDER       Code = "not-pem-der"      // binary DER
	CodeNotPEMPKCS7     Code = "not-pem-pkcs7"    // PKCS#7 (.p7b), binary or armoured
	CodeNotPEMPKCS12    Code = "not-pem-pkcs12"   // PKCS#12 (.p12, .pfx)
	CodeUTF16           Code = "utf16"            // saved as "Unicode" on Windows
	CodeCROnlyLines     Code = "cr-only-lines"    // lines end with a carriage return alone
	CodeEscapedNewlines Code = "escaped-newlines" // the two characters \n in place of line ends
	CodeJoinedBlocks    Code = "joined-blocks"    // END and BEGIN on one line: a missing last newline, then cat
	CodeIndentedPEM     Code = "indented-pem"     // BEGIN is not at the start of its line
	CodeDamagedBlock    Code = "damaged-block"    // truncated, not base64, not what its label says
	CodeKeyEncrypted    Code = "key-encrypted"    // needs a passphrase, for which a service would wait at its start
	CodeKeyUnsupported  Code = "key-unsupported"  // of a kind that a server or its clients cannot use
	CodeKeyMismatch     Code = "key-mismatch"     // the key belongs to none of the certificates
	CodeKeyTypeMismatch Code = "key-type-mismatch"
)

// What normalisation puts right; warnings, or information where every
// program tolerates it. In a file that is already installed, where nothing
// puts it right, [Target.Audit] reports those that stop a server as errors.
const (
	CodeBOM                     Code = "bom"
	CodeCRLF                    Code = "crlf"
	CodeJunkText                Code = "junk-text"
	CodeForeignBlock            Code = "foreign-block"
	CodeTrailingWhitespace      Code = "trailing-whitespace"
	CodeBlankLineInBlock        Code = "blank-line-in-block"
	CodeNonstandardKeyLabel     Code = "nonstandard-key-label"
	CodeNonstandardCertLabel    Code = "nonstandard-certificate-label"
	CodeTrustedCertificateLabel Code = "trusted-certificate-label"
	CodeExtraPrivateKey         Code = "extra-private-key"
	CodeLeafNotFirst            Code = "leaf-not-first"
	CodeChainOutOfOrder         Code = "chain-out-of-order"
	CodeDuplicateCertificate    Code = "duplicate-certificate"
	CodeUnrelatedCertificate    Code = "unrelated-certificate"
	CodeRootInBundle            Code = "root-in-bundle"
)

// What clients will think of the pair.
const (
	CodeChainIncomplete            Code = "chain-incomplete"  // an intermediate is missing
	CodeUnknownAuthority           Code = "unknown-authority" // the root is none that clients trust
	CodePrivateCA                  Code = "private-ca"        // trusted only where its root was handed out
	CodeSelfSignedLeaf             Code = "self-signed-leaf"
	CodeExpired                    Code = "expired"
	CodeNotYetValid                Code = "not-yet-valid"
	CodeExpiresSoon                Code = "expires-soon"
	CodeIntermediateExpiresFirst   Code = "intermediate-expires-first"
	CodeValidityTooLong            Code = "validity-too-long"
	CodeValidityInverted           Code = "validity-inverted"
	CodeHostnameMismatch           Code = "hostname-mismatch"
	CodeIPNotInSAN                 Code = "ip-not-in-san"
	CodeInvalidName                Code = "invalid-name" // the policy asks for what is no host name
	CodeNoSAN                      Code = "no-san"
	CodeCNOnly                     Code = "cn-only"
	CodeCNNotInSAN                 Code = "cn-not-in-san"
	CodeWildcardTooBroad           Code = "wildcard-too-broad"
	CodeWeakKey                    Code = "weak-key"
	CodeWeakSignature              Code = "weak-signature"
	CodeKeyNotForBrowsers          Code = "key-not-for-browsers"
	CodeLeafIsCA                   Code = "leaf-is-ca"
	CodeLeafKeyUsage               Code = "leaf-keyusage"
	CodeEKUMissing                 Code = "eku-missing"
	CodeEKUNoServerAuth            Code = "eku-no-serverauth"
	CodeIssuerNotCA                Code = "issuer-not-ca"
	CodePathLenExceeded            Code = "pathlen-exceeded"
	CodeNameConstraint             Code = "name-constraint"
	CodePathInvalid                Code = "path-invalid" // refused by crypto/x509 for a reason without a code of its own
	CodeUnhandledCriticalExtension Code = "unhandled-critical-extension"
	CodeSerialInvalid              Code = "serial-invalid"
	CodeMustStaple                 Code = "must-staple"
)

// What [Target.Audit] finds about the files themselves.
const (
	CodeKeyMode            Code = "key-mode"
	CodeCertMode           Code = "cert-mode"
	CodeDirWritable        Code = "dir-writable"
	CodeOwner              Code = "owner"
	CodeIsSymlink          Code = "is-symlink"
	CodeStaleFile          Code = "stale-file"
	CodeInterruptedInstall Code = "interrupted-install"
)
