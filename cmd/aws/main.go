// Aws is a drop-in for AWS CLI version 1's `aws chime ...` and `aws chime-sdk-... ...`, and for the
// commands of services whose models users have.
package main

import (
	"os"

	"github.com/carillon-project/carillon/internal/awscli"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chimesdk"
	"github.com/carillon-project/carillon/internal/model"
)

func main() {
	os.Exit(awscli.Process(append([]*model.Service{chime.Service}, chimesdk.Services...)...))
}
