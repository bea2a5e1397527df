module github.com/hubhost/hubhost/internal/bench

go 1.26.0

require github.com/hubhost/hubhost v0.0.0

require golang.org/x/sys v0.49.0 // indirect

replace github.com/hubhost/hubhost => ../..
