// Worker writes the time into the cache every few seconds.
package main

import (
	"log"
	"os"
	"time"
)

func main() {
	cache := client{address: os.Getenv("CACHE")}
	for {
		if _, err := cache.do("SET worker " + time.Now().UTC().Format(time.RFC3339)); err != nil {
			log.Printf("the cache does not answer: %v", err)
		}
		time.Sleep(5 * time.Second)
	}
}
