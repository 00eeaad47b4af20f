package projectfile

import "regexp"

// format is a set of strings. Patterns use only what Go and ECMAScript
// understand alike.
type format struct {
	noun    string // what a member is called: "a service name"
	remedy  string
	pattern *regexp.Regexp
	not     *regexp.Regexp // must not match; nil: none
	max     int            // characters
	// quiet keeps values out of messages, because they may be secret.
	quiet bool
}

// segment is a path's element other than "." and "..".
const segment = `([^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*|\.[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*|\.\.[^/\\\x00-\x1f\x7f]+)`

const hostLabel = `[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?`

// The patterns of formats; those that several formats share have the name of
// the first.
var (
	projectNamePattern    = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	stageNamePattern      = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	stageNameNot          = regexp.MustCompile(`^pr(-|$)`)
	serviceNamePattern    = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)
	composeNamePattern    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	secretNamePattern     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	secretKeyPattern      = regexp.MustCompile(`^[A-Za-z0-9_][-._A-Za-z0-9]*$`)
	sealedValuePattern    = regexp.MustCompile(`^(YWdlLWVuY3J5cHRpb24ub3JnL3YxC[A-Za-z0-9+/]+={0,2}|-----BEGIN AGE ENCRYPTED FILE-----\n([A-Za-z0-9+/=]{1,64}\n)+-----END AGE ENCRYPTED FILE-----\n?)$`)
	loginPattern          = regexp.MustCompile(`^[!-~]+$`)
	emailPattern          = regexp.MustCompile(`^[!-?A-~]+@[!-?A-~]+$`)
	branchNamePattern     = regexp.MustCompile(`^[^\x00-\x20\x7f~^:?\[\]\\]+$`)
	refNamePattern        = regexp.MustCompile(`^[^\x00-\x20\x7f~^:?*\[\]\\]+$`)
	filePathPattern       = regexp.MustCompile(`^(\.|` + segment + `(/` + segment + `)*/?)$`)
	mountPathPattern      = regexp.MustCompile(`^(/` + segment + `)+$`)
	urlPathPattern        = regexp.MustCompile(`^/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*$`)
	hostPattern           = regexp.MustCompile(`^(` + hostLabel + `\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)
	imageReferencePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]*$`)
	repositoryURLPattern  = regexp.MustCompile(`^(https?://|ssh://([A-Za-z0-9._-]+@)?)[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)+/?$`)
	buildTargetPattern    = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9_.-]*)?$`)
	envNamePattern        = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	envValuePattern       = regexp.MustCompile(`^[^\x00]*$`)
	labelPattern          = regexp.MustCompile(`^[^\x00-\x1f\x7f]+$`)
	capabilityPattern     = regexp.MustCompile(`^[A-Z][A-Z_]*$`)
	cpuQuantityPattern    = regexp.MustCompile(`^[0-9]{1,6}(\.[0-9]{1,3})?m?$`)
	byteQuantityPattern   = regexp.MustCompile(`^[0-9]{1,15}(\.[0-9]{1,3})?(k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$`)
	durationPattern       = regexp.MustCompile(`^([0-9]{1,9}(\.[0-9]{1,3})?(ms|s|m|h))+$`)
	instantPattern        = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})$`)
	cronExpressionPattern = regexp.MustCompile(`^[0-9A-Za-z*,/-]+( +[0-9A-Za-z*,/-]+){4}$`)
)

func projectName() *format {
	return &format{noun: "a project name", remedy: "use at most 40 lower-case letters, digits and dashes, none at the ends",
		pattern: projectNamePattern, max: 40}
}

func stageName() *format {
	return &format{noun: "a stage name", remedy: "use at most 40 lower-case letters and digits with single dashes between them, starting with a letter and not with pr-, which previews have",
		pattern: stageNamePattern, not: stageNameNot, max: 40}
}

func serviceName() *format {
	return &format{noun: "a service name", remedy: "use at most 40 lower-case letters, digits and dashes, starting with a letter and not ending with a dash",
		pattern: serviceNamePattern, max: 40}
}

func templateName() *format {
	return &format{noun: "a template name", remedy: "use lower-case letters, digits and dashes; slipway templates list shows what there is",
		pattern: serviceNamePattern, max: 40}
}

func volumeName() *format {
	return &format{noun: "a volume name", remedy: "use at most 40 lower-case letters, digits and dashes, starting with a letter",
		pattern: serviceNamePattern, max: 40}
}

func portName() *format {
	return &format{noun: "a port name", remedy: "use at most 15 lower-case letters, digits and dashes, starting with a letter",
		pattern: serviceNamePattern, max: 15}
}

func composeName() *format {
	return &format{noun: "a Compose service name", remedy: "use the name as it is in the Compose file",
		pattern: composeNamePattern, max: 63}
}

func secretName() *format {
	return &format{noun: "a Secret's name", remedy: "use lower-case letters, digits, dashes and dots; name the Secret, never its value",
		pattern: secretNamePattern, max: 253, quiet: true}
}

func secretKey() *format {
	return &format{noun: "a key of a Secret", remedy: "use letters, digits, underscores, dashes and dots, like API_KEY",
		pattern: secretKeyPattern, max: 253}
}

// sealedValue is an age file: its first line in base64, or its armor. What is
// none may be a secret in plain text and is never shown.
func sealedValue() *format {
	return &format{noun: "sealed", remedy: "seal it with slipway seal NAME KEY, and change the secret if its value has been in git",
		pattern: sealedValuePattern, max: 48 << 10, quiet: true}
}

func login() *format {
	return &format{noun: "a name at the forge", remedy: "use the login or group path without spaces", pattern: loginPattern, max: 128}
}

func email() *format {
	return &format{noun: "an e-mail address", remedy: "write name@domain", pattern: emailPattern, max: 254}
}

func branchPattern() *format {
	return &format{noun: "a branch or tag name or pattern", remedy: "use a name like main or a pattern like feature/* (* is any text without a slash, ** any text)",
		pattern: branchNamePattern, max: 250}
}

func refName() *format {
	return &format{noun: "a branch or tag name", remedy: "use a name like main, without patterns",
		pattern: refNamePattern, max: 250}
}

func filePath() *format {
	return &format{noun: "a path in the repository", remedy: "use a relative path with forward slashes and without . and .. elements",
		pattern: filePathPattern, max: 1024}
}

func mountPath() *format {
	return &format{noun: "an absolute path in the container", remedy: "use a path like /data, without . and .. elements",
		pattern: mountPathPattern, max: 1024}
}

func urlPath() *format {
	return &format{noun: "a URL path", remedy: "use a path like / or /api",
		pattern: urlPathPattern, max: 1024}
}

func host() *format {
	return &format{noun: "a host name", remedy: "use a full name in lower case, like shop.example.com",
		pattern: hostPattern, max: 253}
}

func imageReference() *format {
	return &format{noun: "an image reference", remedy: "write registry/name:tag, like redis:7.4",
		pattern: imageReferencePattern, max: 512}
}

func repositoryURL() *format {
	return &format{noun: "a repository URL", remedy: "write https://host/path or ssh://git@host/path; credentials belong to the Project",
		pattern: repositoryURLPattern, max: 1024, quiet: true}
}

func buildTarget() *format {
	return &format{noun: "a build target", remedy: "use the name of a stage of the Dockerfile",
		pattern: buildTargetPattern, max: 128}
}

func envName() *format {
	return &format{noun: "a variable name", remedy: "use letters, digits and underscores, not starting with a digit",
		pattern: envNamePattern, max: 256}
}

func envValue() *format {
	return &format{noun: "text without NUL characters", remedy: "remove the NUL character", pattern: envValuePattern, max: 32 << 10, quiet: true}
}

func argument() *format {
	return &format{noun: "text without NUL characters", remedy: "remove the NUL character", pattern: envValuePattern, max: 8 << 10, quiet: true}
}

func label() *format {
	return &format{noun: "one line of text", remedy: "write it in one line without control characters", pattern: labelPattern, max: 200}
}

func capability() *format {
	return &format{noun: "a Linux capability", remedy: "write it like NET_BIND_SERVICE", pattern: capabilityPattern, max: 40}
}

func cpuQuantity() *format {
	return &format{noun: "an amount of CPU", remedy: `write cores like "2" or thousandths like 250m`,
		pattern: cpuQuantityPattern, max: 16}
}

func byteQuantity() *format {
	return &format{noun: "an amount of bytes", remedy: "write it like 256Mi or 8Gi",
		pattern: byteQuantityPattern, max: 24}
}

func duration() *format {
	return &format{noun: "a duration", remedy: "write it like 90s, 30m or 72h",
		pattern: durationPattern, max: 32}
}

func instant() *format {
	return &format{noun: "an instant", remedy: "write it like 2030-12-24T00:00:00Z",
		pattern: instantPattern, max: 25}
}

func cronExpression() *format {
	return &format{noun: "a schedule", remedy: `write five fields: minute hour day month weekday, like "0 3 * * *"`,
		pattern: cronExpressionPattern, max: 100}
}
