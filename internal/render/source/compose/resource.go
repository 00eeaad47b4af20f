package compose

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/tree"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

// replicasOf returns the number of replicas, wherever it is written.
func replicasOf(from service) int {
	if from.Deploy != nil && from.Deploy.Replicas != nil {
		return *from.Deploy.Replicas
	}
	if from.Scale != nil {
		return *from.Scale
	}
	return 1
}

func (e *expansion) scale(name string, from service, in *workload.Input) {
	replicas := replicasOf(from)
	switch {
	case replicas == 1 && from.Scale == nil && (from.Deploy == nil || from.Deploy.Replicas == nil):
	case replicas < 0 || replicas > math.MaxInt16:
		e.Refuse(e.key(name, "scale"), "%d replicas are impossible; write a number from 0", replicas)
	default:
		in.Service.Scale = &project.Scale{Min: int32(replicas)}
	}
}

// resources takes CPU and memory, wherever they are written.
func (e *expansion) resources(_ string, from service, in *workload.Input) {
	limit, reserved := amounts{cpu: float64(from.CPUS), memory: int64(from.MemLimit)}, amounts{memory: int64(from.MemReservation)}
	if from.Deploy != nil {
		limit.take(from.Deploy.Resources.Limits)
		reserved.take(from.Deploy.Resources.Reservations)
	}
	in.Limits = limit.quantities()
	request := reserved
	if request.cpu == 0 {
		request.cpu = limit.cpu
	}
	if request.memory == 0 {
		request.memory = limit.memory
	}
	in.Service.Resources = request.quantities()
	if limit.memory == 0 && reserved.memory > defaultLimit {
		in.Limits.Memory = in.Service.Resources.Memory
	} else if limit.memory == 0 && reserved.memory > 0 {
		in.Limits.Memory = bytesQuantity(defaultLimit)
	}
}

// defaultLimit is what a service without a memory limit may use, in bytes.
const defaultLimit = 512 << 20

// amounts are CPUs and bytes; 0 is not said.
type amounts struct {
	cpu    float64
	memory int64
}

func (a *amounts) take(given *types.Resource) {
	if given == nil {
		return
	}
	if given.NanoCPUs > 0 {
		a.cpu = float64(given.NanoCPUs)
	}
	if given.MemoryBytes > 0 {
		a.memory = int64(given.MemoryBytes)
	}
}

func (a amounts) quantities() project.Resources {
	var r project.Resources
	if a.cpu > 0 {
		r.CPU = fmt.Sprintf("%dm", int64(math.Ceil(math.Round(a.cpu*1e5)/100)))
	}
	if a.memory > 0 {
		r.Memory = bytesQuantity(a.memory)
	}
	return r
}

// adviseMemory says that services are limited that Compose doesn't limit.
func (e *expansion) adviseMemory() {
	var unlimited []string
	for _, name := range e.taken {
		if limits := e.inputs[name].Limits; limits.Memory == "" {
			unlimited = append(unlimited, name)
		}
	}
	if len(unlimited) > 0 {
		e.Warn(e.At("services"), "services without a memory limit may use 512Mi: %s; write deploy.resources.limits.memory where one needs more", strings.Join(unlimited, ", "))
	}
}

var idNumber = regexp.MustCompile(`^[0-9]{1,9}$`)

// security asks for what Compose gives by default: a writable root. The user
// is the image's unless it is given as a number.
func (e *expansion) security(name string, from service, in *workload.Input) {
	security := &project.Security{WritableRoot: new(!from.ReadOnly), Capabilities: capabilities(from.CapAdd)}
	in.Service.Security, in.Drop = security, capabilities(from.CapDrop)
	user, group, _ := strings.Cut(from.User, ":")
	switch {
	case user == "":
	case user == "root" || user == "0":
		security.RunAsRoot = true
	default:
		if security.RunAsUser = e.id(name, "user", user); security.RunAsUser == nil {
			return
		}
	}
	if group == "root" {
		group = "0"
	}
	if group != "" {
		in.Group = e.id(name, "user", group)
	}
	for _, one := range from.GroupAdd {
		if id := e.id(name, "group_add", one); id != nil {
			in.Groups = append(in.Groups, *id)
		}
	}
}

// capabilities returns names as Kubernetes has them.
func capabilities(given []string) []string {
	var names []string
	for _, name := range given {
		names = append(names, strings.TrimPrefix(strings.ToUpper(name), "CAP_"))
	}
	return names
}

// id returns a number, nil with a warning when it is a name.
func (e *expansion) id(service, key, text string) *int64 {
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || !idNumber.MatchString(text) {
		e.Warn(e.key(service, key), "%s is a name, and Kubernetes needs its number; it is left out", tree.Quote(text))
		return nil
	}
	return &number
}

// decodeExtension decodes strictly.
func decodeExtension(extension, into any) error {
	text, err := json.Marshal(extension)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// brief makes an error of a library fit for a message: one line, bounded.
func brief(err error) string {
	const most = 400
	text := strings.Join(strings.Fields(err.Error()), " ")
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}
