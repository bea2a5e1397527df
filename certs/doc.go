// Package certs reads, judges, makes and installs pairs of a certificate and
// its private key, for the server in front of a JupyterHub: nginx, or the
// hub's own configurable-http-proxy.
//
// For most uses, start with [Parse] and [Pair.Verify]: together they say all
// that is wrong with two files before a server sees them. A damaged second
// block, a key of another type, a missing intermediate: each of these either
// keeps the server from its next start, or passes nginx -t and then fails
// every connection. [Target.Install] puts a pair in place as one, has it
// loaded and served, and goes back if that fails; [Target.Rollback] goes back
// later. [Generate] makes a pair for a test host. [Served] asks a server what
// it serves, [Target.Audit] looks at what is installed.
//
// # Findings and errors
//
// What is wrong with a pair is a [Finding] in a [Report]: a code that does
// not change, a severity, the place, and what to do. What could not be done
// is an [*Error]. A refused pair is both: its codes are targets of
// [errors.Is],
//
//	if errors.Is(err, certs.CodeKeyMismatch) { … }
//
// # Keys
//
// A private key leaves this package by [Pair.KeyPEM] and [Pair.TLS] alone.
// It is in no error, and however a [Pair] is printed or encoded, it is not
// part of it.
//
// # Privileges and versions
//
// Install, Rollback and Recover write to the parent of the certificate
// directory too, and usually need root. They run no command and reload no
// server: that is the caller's [Hook]. MethodExchange needs Linux 3.15 and a
// file system with RENAME_EXCHANGE (ext4, xfs, btrfs, tmpfs); elsewhere
// MethodRename is used. On other systems than Linux installing returns an
// error that wraps [errors.ErrUnsupported]; all else works.
//
// What canonical pairs load in was tried with nginx 1.22 and OpenSSL 3.0 of
// Debian 12, Node 20 and crypto/tls.
//
// # Out of scope
//
// Requesting certificates (ACME), revocation, fetching intermediates,
// PKCS#12 and encrypted keys, and a certificate and key in two directories.
package certs
