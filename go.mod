module github.com/hubhost/hubhost

go 1.26

require (
	github.com/godbus/dbus/v5 v5.2.2
	github.com/stretchr/testify v1.12.1
)

require (
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sys v0.27.0 // indirect
)
