// Web is the shop's page: it counts visits in the cache and shows what the
// worker last wrote there.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	cache := client{address: os.Getenv("CACHE")}
	http.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	http.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		visits, err := cache.do("INCR visits")
		if err != nil {
			http.Error(w, "the cache does not answer", http.StatusServiceUnavailable)
			return
		}
		seen, err := cache.do("GET worker")
		if err != nil {
			http.Error(w, "the cache does not answer", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, "shop: stage %s, visit %s, the worker was last seen at %q\n", os.Getenv("STAGE"), visits, seen)
	})
	server := http.Server{Addr: ":8080", ReadHeaderTimeout: 5 * time.Second}
	log.Println("web listens on :8080")
	log.Fatal(server.ListenAndServe())
}
