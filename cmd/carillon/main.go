// Carillon serves the Amazon Chime administration API and looks after what is in it.
package main

import (
	"os"

	"github.com/carillon-project/carillon/internal/carillon"
)

func main() { os.Exit(carillon.Process()) }
