module github.com/hubhost/hubhost/internal/bench

go 1.26

require github.com/hubhost/hubhost v0.0.0

replace github.com/hubhost/hubhost => ../..
