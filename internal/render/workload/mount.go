package workload

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
)

// Modes of files: everybody reads them, and scripts can be executed.
const (
	fileMode   = 0o444
	scriptMode = 0o555
)

func mounts(in Input) []corev1.VolumeMount {
	list := volumeMounts(in)
	for i, name := range sortedKeys(in.Files) {
		list = append(list, corev1.VolumeMount{Name: filesVolume, MountPath: name, SubPath: fileKey(i, name), ReadOnly: true})
	}
	for i, name := range sortedKeys(in.Directories) {
		list = append(list, corev1.VolumeMount{Name: directoryName(i), MountPath: name, ReadOnly: true})
	}
	for i, name := range sortedKeys(in.SecretFiles) {
		list = append(list, corev1.VolumeMount{Name: secretVolume(i), MountPath: name, SubPath: in.SecretFiles[name].Key, ReadOnly: true})
	}
	for i, scratch := range in.Scratch {
		list = append(list, corev1.VolumeMount{Name: scratchVolume + strconv.Itoa(i), MountPath: scratch.Path})
	}
	if !writableRoot(in) && !slices.ContainsFunc(list, func(m corev1.VolumeMount) bool { return path.Clean(m.MountPath) == "/tmp" }) {
		list = append(list, corev1.VolumeMount{Name: tmpVolume, MountPath: "/tmp"})
	}
	return list
}

// volumeMounts returns where persistent volumes are seen.
func volumeMounts(in Input) []corev1.VolumeMount {
	var list []corev1.VolumeMount
	if in.Mounts == nil {
		for _, volume := range in.Service.Volumes {
			list = append(list, corev1.VolumeMount{Name: VolumeName(volume), MountPath: volume.Path})
		}
	}
	for _, m := range in.Mounts {
		list = append(list, corev1.VolumeMount{Name: m.Volume, MountPath: m.Path, SubPath: m.SubPath, ReadOnly: m.ReadOnly})
	}
	return list
}

// podVolumes returns what pods mount besides the claims of a StatefulSet.
func podVolumes(in Input) []corev1.Volume {
	var list []corev1.Volume
	add := func(name string, from corev1.VolumeSource) {
		list = append(list, corev1.Volume{Name: name, VolumeSource: from})
	}
	if len(in.Files) > 0 {
		add(filesVolume, configMapVolume(filesName(in), fileItems(in.Files)))
	}
	for i, name := range sortedKeys(in.Directories) {
		add(directoryName(i), configMapVolume(in.Name+"-"+directoryName(i), directoryItems(in.Directories[name])))
	}
	for i, name := range sortedKeys(in.SecretFiles) {
		add(secretVolume(i), corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: in.SecretFiles[name].Secret}})
	}
	for _, claim := range in.Claims {
		add(VolumeName(claim), corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: VolumeName(claim)}})
	}
	for i, scratch := range in.Scratch {
		add(scratchVolume+strconv.Itoa(i), corev1.VolumeSource{EmptyDir: emptyDirectory(scratch)})
	}
	if slices.ContainsFunc(mounts(in), func(m corev1.VolumeMount) bool { return m.Name == tmpVolume }) {
		add(tmpVolume, corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}})
	}
	return list
}

func emptyDirectory(s Scratch) *corev1.EmptyDirVolumeSource {
	empty := &corev1.EmptyDirVolumeSource{}
	if s.Memory {
		empty.Medium = corev1.StorageMediumMemory
	}
	if size, err := resource.ParseQuantity(s.Size); err == nil {
		empty.SizeLimit = &size
	}
	return empty
}

// configMapVolume returns the files of a ConfigMap. Items that need no mode or
// name of their own are left to it.
func configMapVolume(name string, items []corev1.KeyToPath) corev1.VolumeSource {
	return corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: name}, Items: items,
	}}
}

// fileItems returns the modes of single files, nil when all have the usual one.
func fileItems(files map[string]string) []corev1.KeyToPath {
	if !slices.ContainsFunc(sortedKeys(files), func(name string) bool { return isScript(files[name]) }) {
		return nil
	}
	var items []corev1.KeyToPath
	for i, name := range sortedKeys(files) {
		items = append(items, item(fileKey(i, name), fileKey(i, name), files[name]))
	}
	return items
}

func directoryItems(files map[string]string) []corev1.KeyToPath {
	var items []corev1.KeyToPath
	for i, name := range sortedKeys(files) {
		items = append(items, item(fileKey(i, name), name, files[name]))
	}
	return items
}

func item(key, name, content string) corev1.KeyToPath {
	mode := int32(fileMode)
	if isScript(content) {
		mode = scriptMode
	}
	return corev1.KeyToPath{Key: key, Path: name, Mode: &mode}
}

func isScript(content string) bool { return strings.HasPrefix(content, "#!") }

func files(in Input) *corev1.ConfigMap { return configMap(in, filesName(in), in.Files) }

func filesName(in Input) string { return in.Name + "-files" }

// directory is the ConfigMap of one of the service's directories.
func directory(in Input, index int, path string) *corev1.ConfigMap {
	return configMap(in, in.Name+"-"+directoryName(index), in.Directories[path])
}

func directoryName(index int) string { return "directory--" + strconv.Itoa(index) }

func secretVolume(index int) string { return "secret--" + strconv.Itoa(index) }

// configMap holds files by key.
func configMap(in Input, name string, files map[string]string) *corev1.ConfigMap {
	made := &corev1.ConfigMap{TypeMeta: typeMeta("v1", "ConfigMap"), ObjectMeta: meta(in, name, componentService)}
	for i, file := range sortedKeys(files) {
		content := files[file]
		if utf8.ValidString(content) {
			if made.Data == nil {
				made.Data = map[string]string{}
			}
			made.Data[fileKey(i, file)] = content
			continue
		}
		if made.BinaryData == nil {
			made.BinaryData = map[string][]byte{}
		}
		made.BinaryData[fileKey(i, file)] = []byte(content)
	}
	return made
}

func fileKey(index int, name string) string {
	return strconv.Itoa(index) + "-" + strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' {
			return c
		}
		return '-'
	}, path.Base(name))
}

// addClaims adds the claims that are made with the service. They are no part
// of a StatefulSet, whose pods have claims of their own each.
func addClaims(set *objectSet, in Input) error {
	for _, volume := range in.Claims {
		if volume.Size == "" {
			continue // made with another service
		}
		claim, err := volumeClaim(in, volume)
		if err != nil {
			return err
		}
		claim.ObjectMeta = metav1.ObjectMeta{Name: claim.Name, Labels: labels(in, componentService)}
		if in.SharedClass != "" {
			claim.Spec.StorageClassName = new(in.SharedClass)
			claim.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}
		}
		set.add("claim-"+claim.Name, &claim)
	}
	return nil
}

// together keeps the pods that share a claim on one node: a claim is usually
// mounted on one at a time.
func together(in Input) *corev1.Affinity {
	if in.Together == "" || in.SharedClass != "" {
		return nil
	}
	return &corev1.Affinity{PodAffinity: &corev1.PodAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{
			TopologyKey:   corev1.LabelHostname,
			LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{labelTogether: in.Together}},
		}},
	}}
}

// VolumeName returns the volume's name, made from its path when it has none.
func VolumeName(v project.Volume) string {
	if v.Name != "" {
		return v.Name
	}
	var b strings.Builder
	for _, c := range strings.ToLower(path.Clean(v.Path)) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			b.WriteRune(c)
		} else {
			b.WriteByte('-')
		}
	}
	name := strings.Trim(b.String(), "-")
	if name == "" || strings.HasPrefix(name, scratchVolume) || name == tmpVolume || name == filesVolume {
		return "volume-" + name
	}
	return strings.TrimRight(name[:min(len(name), 40)], "-")
}

// maxConfigMap is what Kubernetes stores in one ConfigMap, in bytes.
const maxConfigMap = 1 << 20

// checkFiles refuses what a ConfigMap can't hold.
func checkFiles(in Input) error {
	if sizeOf(in.Files) > maxConfigMap {
		return fault.New(fault.Invalid, "service %s: its files have more than 1 MiB; put them into the image", in.Name)
	}
	for name, files := range in.Directories {
		if sizeOf(files) > maxConfigMap {
			return fault.New(fault.Invalid, "service %s: the files mounted at %s have more than 1 MiB; put them into the image", in.Name, name)
		}
	}
	return nil
}

func sizeOf(files map[string]string) int {
	size := 0
	for _, content := range files {
		size += len(content)
	}
	return size
}
