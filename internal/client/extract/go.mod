module github.com/carillon-project/carillon/internal/client/extract

go 1.26.0

require (
	github.com/aws/aws-sdk-go v1.55.8
	github.com/carillon-project/carillon v0.0.0
)

replace github.com/carillon-project/carillon => ../../..
