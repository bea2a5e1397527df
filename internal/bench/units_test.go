package bench

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/units"
	"github.com/hubhost/hubhost/units/unitstest"
)

// BenchmarkUnitsStart100 starts 100 units at once and waits for their jobs,
// on a real dbus-daemon with a manager that takes 5 ms to answer and 20 ms for
// a job: 25 ms is what cannot be saved.
func BenchmarkUnitsStart100(b *testing.B) {
	const n = 100
	fake := func(b *testing.B) (*unitstest.Bus, []string) {
		bus := unitstest.StartBus(b, "")
		f := unitstest.New(b, unitstest.Options{Bus: bus, Latency: 5 * time.Millisecond, JobTime: 20 * time.Millisecond})
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf("jupyter-u%d.service", i)
			f.Add(unitstest.Unit{Name: names[i]})
		}
		return bus, names
	}
	b.Run("hubhost", func(b *testing.B) {
		bus, names := fake(b)
		m, err := units.Connect(b.Context(), &units.Config{Address: bus.Address()})
		require.NoError(b, err)
		defer m.Close()
		for b.Loop() {
			all(b, names, func(name string) error { return m.Restart(b.Context(), name) })
		}
	})
	b.Run("go-systemd", func(b *testing.B) {
		bus, names := fake(b)
		conn, err := dbus.NewConnection(func() (*godbus.Conn, error) { return godbus.Connect(bus.Address()) })
		require.NoError(b, err)
		defer conn.Close()
		for b.Loop() {
			all(b, names, func(name string) error {
				done := make(chan string, 1)
				if _, err := conn.RestartUnitContext(context.Background(), name, "replace", done); err != nil {
					return err
				}
				if result := <-done; result != "done" {
					return fmt.Errorf("%s: %s", name, result)
				}
				return nil
			})
		}
	})
}

func all(b *testing.B, names []string, f func(string) error) {
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() {
			if err := f(name); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
}
