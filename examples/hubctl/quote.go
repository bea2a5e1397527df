package main

import "strings"

// quote makes an argument one word for a POSIX shell: sshd gives the command
// line to the remote user's.
func quote(arg string) string {
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
