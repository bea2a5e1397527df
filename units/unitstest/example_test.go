package unitstest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hubhost/hubhost/units"
	"github.com/hubhost/hubhost/units/unitstest"
)

// restartHub is the program under test.
func restartHub(ctx context.Context, m *units.Manager) string {
	err := m.Restart(ctx, "jupyterhub.service")
	var job *units.JobError
	if errors.As(err, &job) {
		status, err := m.Status(ctx, job.Unit)
		if err != nil {
			return err.Error()
		}
		return units.Explain(status).Code
	}
	return fmt.Sprint(err)
}

// A hub whose restart fails, because its program is gone.
func Example() {
	var t testing.TB = new(testing.T) // the test's own

	fake := unitstest.New(t, unitstest.Options{
		JobTime: 20 * time.Millisecond,
		OnJob: func(j unitstest.Job) unitstest.Outcome {
			return unitstest.Outcome{Result: units.JobFailed}
		},
	})
	fake.Add(unitstest.Unit{
		Name:        "jupyterhub.service",
		ActiveState: units.Active,
		Properties: map[string]any{
			"Result":         "exit-code",
			"ExecMainCode":   int32(1),
			"ExecMainStatus": int32(203),
		},
	})
	m, err := units.Connect(context.Background(), fake.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()

	fmt.Println(restartHub(context.Background(), m))
	// Output: exec-exec
}

func TestFakeEndsWithItsTest(t *testing.T) {
	var fake *unitstest.Fake
	t.Run("its test", func(t *testing.T) {
		fake = unitstest.New(t, unitstest.Options{})
		fake.Add(unitstest.Unit{Name: "a.service"})
		m, err := units.Connect(t.Context(), fake.Config())
		require.NoError(t, err)
		t.Cleanup(m.Close)
		require.NoError(t, m.Start(t.Context(), "a.service"))
		assert.Len(t, fake.Calls("StartUnit"), 1)
		assert.Panics(t, func() { fake.Change("none.service", func(*unitstest.Unit) {}) })
		assert.Panics(t, func() { fake.Add(unitstest.Unit{Name: "a"}) })
	})
	_, err := units.Connect(t.Context(), fake.Config())
	assert.ErrorIs(t, err, units.ErrNoManager)
}
