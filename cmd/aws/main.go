// Aws is a drop-in for AWS CLI version 1's `aws chime ...`.
package main

import (
	"os"

	"github.com/carillon-project/carillon/internal/awscli"
	"github.com/carillon-project/carillon/internal/chime"
)

func main() { os.Exit(awscli.Process(chime.Service)) }
