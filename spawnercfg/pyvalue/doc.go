// Package pyvalue holds Python values of the types that a literal can
// represent: what they equal, how they hash, what str(), bool(), int() and
// float() make of them, and how repr() writes them. It knows no syntax: package
// [github.com/hubhost/hubhost/spawnercfg/pyconfig] parses literals.
//
// A [Value] is made by a constructor named after its type and read by the
// method of the same name:
//
//	limit := pyvalue.Str("2G")
//	text, ok := limit.Str()       // "2G", true
//	literal, err := limit.Python() // "'2G'"
package pyvalue
