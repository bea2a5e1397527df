//go:build !linux

package main

func main() { panic("the guest is a Linux machine") }
