package kaniko

import (
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Config is what the platform team decides about builds on one cluster. Zero
// fields other than the images mean the defaults.
type Config struct {
	// Image is Slipway's own image, which fetches the source and pushes.
	Image string
	// Executor is the kaniko image, by digest. It is part of the input hash.
	Executor string
	// HostUsers builds without a user namespace, for nodes that have none.
	HostUsers bool
	// Mirrors are asked instead of docker.io; Insecure are hosts that speak
	// plain HTTP.
	Mirrors  []string
	Insecure []string
	// Platform of requests that name none; default linux/amd64.
	Platform string
	// CPU and Memory are requested (default 500m, 1Gi), MemoryLimit and
	// CPULimit bound (default 4Gi, no limit for the CPU).
	CPU         resource.Quantity
	CPULimit    resource.Quantity
	Memory      resource.Quantity
	MemoryLimit resource.Quantity
	// Disk bounds the file system that a Dockerfile fills; default 20Gi.
	Disk resource.Quantity
	// SourceSize and ImageSize bound the volumes between the containers;
	// default 4Gi and 10Gi.
	SourceSize resource.Quantity
	ImageSize  resource.Quantity
	// Deadline bounds a build, its time in the queue included; default 30m.
	Deadline time.Duration
	// Keep is how long a finished Job stays for its logs; default 1h.
	Keep time.Duration
}

func (c Config) withDefaults() (Config, error) {
	if c.Image == "" || c.Executor == "" {
		return Config{}, fault.New(fault.Invalid, "builds need the image of Slipway and that of the executor; set both in the server's configuration")
	}
	if c.Platform == "" {
		c.Platform = "linux/amd64"
	}
	for quantity, value := range map[*resource.Quantity]string{
		&c.CPU:         "500m",
		&c.Memory:      "1Gi",
		&c.MemoryLimit: "4Gi",
		&c.Disk:        "20Gi",
		&c.SourceSize:  "4Gi",
		&c.ImageSize:   "10Gi",
	} {
		if quantity.IsZero() {
			*quantity = resource.MustParse(value)
		}
	}
	if c.Deadline == 0 {
		c.Deadline = 30 * time.Minute
	}
	if c.Keep == 0 {
		c.Keep = time.Hour
	}
	return c, nil
}
