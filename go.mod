module github.com/hubhost/hubhost

go 1.26

require (
	github.com/containerd/cgroups/v3 v3.1.3
	github.com/stretchr/testify v1.12.1
	golang.org/x/sys v0.27.0
)

require (
	github.com/moby/sys/userns v0.1.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)
