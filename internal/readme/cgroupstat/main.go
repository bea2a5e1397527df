package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/hubhost/hubhost/cgroupstat"
)

func main() {
	h, err := cgroupstat.Open(cgroupstat.Config{})
	if err != nil {
		log.Fatal(err)
	}
	st, err := h.Stat("/system.slice/jupyter-alice.service")
	if errors.Is(err, cgroupstat.ErrNotRunning) {
		log.Fatal("alice has no session")
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("memory", st.Memory.Current, "of", st.Memory.EffectiveMax, "tasks", st.Tasks.Current)

	w, err := h.NewWatcher()
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	if err := w.AddPrefix("/system.slice/jupyter-"); err != nil {
		log.Fatal(err)
	}
	for event, err := range w.Events(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		if event.Kind == cgroupstat.OOMKill {
			fmt.Println(event.Path, "lost", event.Count, "processes for memory")
		}
	}
}
