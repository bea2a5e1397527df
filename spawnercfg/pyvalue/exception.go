package pyvalue

import "fmt"

// Exception is an exception that Python would raise.
type Exception struct {
	// Type is the class of the exception, such as "KeyError".
	Type string
	// Message is str() of the exception.
	Message string
}

// Raise returns the exception with a formatted message.
func Raise(typ, format string, args ...any) *Exception {
	return &Exception{Type: typ, Message: fmt.Sprintf(format, args...)}
}

// Error returns "Type: Message", as the last line of a traceback does.
func (e *Exception) Error() string { return e.Type + ": " + e.Message }
