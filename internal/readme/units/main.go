package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/hubhost/hubhost/units"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	m, err := units.Connect(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	if err := m.Restart(ctx, "jupyterhub.service"); err != nil {
		log.Fatal(err) // a *units.JobError says how the job ended
	}
	sessions, err := m.Statuses(ctx, units.Filter{Patterns: []string{"jupyter-*.service"}})
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range sessions {
		fmt.Println(s.Name, s.ActiveState, s.MemoryCurrent, "of", s.Limits.MemoryMax, units.Explain(s))
	}

	old, err := m.SetLimits(ctx, "jupyter-alice.service", units.Limits{MemoryMax: units.Bytes(4 << 30)}, units.ThisBoot)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("it was", old.MemoryMax) // give old to SetLimits to undo
}
