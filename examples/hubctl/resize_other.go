//go:build !unix

package main

import "os"

func notifyResize(chan<- os.Signal) {}
