package apply

import (
	"fmt"
	"strings"
)

func configMap(name, value string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\ndata:\n  key: %q\n", name, value)
}

func deployment(name, image string, replicas int) string {
	scale := ""
	if replicas >= 0 {
		scale = fmt.Sprintf("\n  replicas: %d", replicas)
	}
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: %[1]s
  labels: {slipway.dev/service: %[1]s}
spec:%[3]s
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      containers:
      - name: main
        image: %[2]s
`, name, image, scale)
}

func service(name string, port int) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Service
metadata: {name: %[1]s}
spec:
  selector: {app: %[1]s}
  ports: [{name: http, port: %[2]d}]
`, name, port)
}

func job(name, image string) string {
	return fmt.Sprintf(`apiVersion: batch/v1
kind: Job
metadata: {name: %s}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: %s}]
`, name, image)
}

// replaceable lets an object be deleted and made anew.
func replaceable(manifest string) string {
	return strings.Replace(manifest, "metadata: {", "metadata: {annotations: {slipway.dev/replace: \"true\"}, ", 1)
}

func horizontal(target string, low, high int) string {
	return fmt.Sprintf(`apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: %[1]s}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: %[1]s}
  minReplicas: %[2]d
  maxReplicas: %[3]d
`, target, low, high)
}

func statefulSet(name, image, size string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: StatefulSet
metadata: {name: %[1]s}
spec:
  serviceName: %[1]s
  replicas: 1
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      containers: [{name: main, image: %[2]s}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec:
      accessModes: [ReadWriteOnce]
      resources: {requests: {storage: %[3]s}}
`, name, image, size)
}

func claim(name, size string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: %s}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: %s}}
`, name, size)
}

func ingress(name, host string) string {
	return fmt.Sprintf(`apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: %[1]s}
spec:
  rules:
  - host: %[2]s
    http:
      paths: [{path: /, pathType: Prefix, backend: {service: {name: %[1]s, port: {name: http}}}}]
`, name, host)
}

// twelve is a stage of twelve objects in every order group.
func twelve(version string) []string {
	image := "registry.example/web:" + version
	return []string{
		"apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}\n",
		"apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: web}\nrules:\n- apiGroups: [\"\"]\n  resources: [configmaps]\n  verbs: [get]\n",
		"apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: web}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: web}\nsubjects: [{kind: ServiceAccount, name: web}]\n",
		configMap("settings", version),
		"apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {token: hunter2-" + version + "}\n",
		claim("files", "1Gi"),
		service("web", 80),
		deployment("web", image, -1),
		statefulSet("db", "registry.example/db:1", "1Gi"),
		replaceable(job("seed", image)),
		ingress("web", "web.example"),
		horizontal("web", 2, 5),
	}
}
