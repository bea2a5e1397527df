package pyvalue_test

import (
	"fmt"

	"github.com/hubhost/hubhost/spawnercfg/pyvalue"
)

func Example() {
	one := pyvalue.List(pyvalue.Int(1), pyvalue.Bool(true), pyvalue.Str("it's"))
	two := pyvalue.List(pyvalue.Float(1), pyvalue.Int(1), pyvalue.Str("it's"))
	fmt.Println(one, one.Equal(two), one.Identical(two))
	_, err := pyvalue.Set(one).Python()
	fmt.Println(err)
	// Output:
	// [1, True, "it's"] true false
	// element 0: cannot be a key of a dict or an element of a set
}
