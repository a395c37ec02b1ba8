package api

import "fmt"

// Exception is the name of an error shape.
type Exception string

// The modeled exceptions, and below them those of the HTTP framework around the operations.
const (
	AccessDeniedException          Exception = "AccessDeniedException"
	BadRequestException            Exception = "BadRequestException"
	ConflictException              Exception = "ConflictException"
	ForbiddenException             Exception = "ForbiddenException"
	NotFoundException              Exception = "NotFoundException"
	ResourceLimitExceededException Exception = "ResourceLimitExceededException"
	ServiceFailureException        Exception = "ServiceFailureException"
	ServiceUnavailableException    Exception = "ServiceUnavailableException"
	ThrottledClientException       Exception = "ThrottledClientException"
	UnauthorizedClientException    Exception = "UnauthorizedClientException"
	UnprocessableEntityException   Exception = "UnprocessableEntityException"

	MethodNotAllowedException      Exception = "MethodNotAllowedException"
	NotImplementedException        Exception = "NotImplementedException"
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

// Status returns the HTTP status of the exception and the Code of its body.
func (x Exception) Status() (status int, code string) {
	switch x {
	case BadRequestException:
		return 400, string(ErrorCodeBadRequest)
	case ResourceLimitExceededException:
		return 400, string(ErrorCodeResourceLimitExceeded)
	case UnauthorizedClientException:
		return 401, string(ErrorCodeUnauthorized)
	case ForbiddenException:
		return 403, string(ErrorCodeForbidden)
	case AccessDeniedException:
		return 403, string(ErrorCodeAccessDenied)
	case NotFoundException, UnknownOperationException:
		return 404, string(ErrorCodeNotFound)
	case MethodNotAllowedException:
		return 405, string(ErrorCodeBadRequest)
	case ConflictException:
		return 409, string(ErrorCodeConflict)
	case RequestEntityTooLargeException:
		return 413, string(ErrorCodeBadRequest)
	case UnsupportedMediaTypeException:
		return 415, string(ErrorCodeBadRequest)
	case UnprocessableEntityException:
		return 422, string(ErrorCodeUnprocessable)
	case ThrottledClientException:
		return 429, string(ErrorCodeThrottled)
	case NotImplementedException:
		return 501, "NotImplemented"
	case ServiceUnavailableException:
		return 503, string(ErrorCodeServiceUnavailable)
	}
	return 500, string(ErrorCodeServiceFailure)
}
