package api

import "fmt"

// Exception is the name of an error: one of the contract (see api_gen.go), or one of those below.
type Exception string

// The exceptions of the HTTP framework around the operations, which the contract does not list.
const (
	MethodNotAllowedException      Exception = "MethodNotAllowedException"
	RequestEntityTooLargeException Exception = "RequestEntityTooLargeException"
	UnknownOperationException      Exception = "UnknownOperationException"
	UnsupportedMediaTypeException  Exception = "UnsupportedMediaTypeException"
)

// Error is a failure of a request as a whole.
type Error struct {
	Exception Exception
	Message   string
}

func (e *Error) Error() string { return string(e.Exception) + ": " + e.Message }

// Errorf makes an Error.
func Errorf(x Exception, format string, args ...any) *Error {
	return &Error{x, fmt.Sprintf(format, args...)}
}

// BadRequest is the Error of input that breaks a rule.
func BadRequest(format string, args ...any) *Error {
	return Errorf(BadRequestException, format, args...)
}

// Status returns the HTTP status of the exception and the Code in the body of the reply. An
// unknown exception has those of [ServiceFailureException].
func (x Exception) Status() (status int, code ErrorCode) {
	switch x {
	case UnknownOperationException:
		return 404, ErrorCodeNotFound
	case MethodNotAllowedException:
		return 405, ErrorCodeBadRequest
	case RequestEntityTooLargeException:
		return 413, ErrorCodeBadRequest
	case UnsupportedMediaTypeException:
		return 415, ErrorCodeBadRequest
	}
	if status, code = x.modeled(); status == 0 {
		return ServiceFailureException.modeled()
	}
	return status, code
}
