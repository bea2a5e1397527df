// Package certs reads, verifies, makes and installs pairs of a certificate
// and its private key.
package certs
