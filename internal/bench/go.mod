module github.com/hubhost/hubhost/internal/bench

go 1.26.0

require github.com/hubhost/hubhost v0.0.0

require (
	github.com/coreos/go-systemd/v22 v22.7.0
	github.com/dchest/siphash v1.2.3 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/pierrec/lz4/v4 v4.1.33 // indirect
	github.com/ulikunitz/xz v0.5.17 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/hubhost/hubhost => ../..
