module github.com/hubhost/hubhost/internal/bench

go 1.26

replace github.com/hubhost/hubhost => ../..
