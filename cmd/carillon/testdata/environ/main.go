// Command environ writes its environment into a file, with a zero byte between two variables.
package main

import (
	"log"
	"os"
	"strings"
)

func main() {
	if err := os.WriteFile(os.Args[1], []byte(strings.Join(os.Environ(), "\x00")), 0o600); err != nil {
		log.Fatal(err)
	}
}
