// Package units controls and watches systemd units over D-Bus.
package units
