package projectfile

import "maps"

// rule bounds one field. The decoder and the schema both obey it.
type rule struct {
	help     string // one sentence for the schema
	required bool
	// text is the format of a string, or of the strings in a list or map.
	text *format
	// keys is the format of a map's keys.
	keys *format
	enum []string
	// least and most bound a number, or the numbers in a map; both zero: any.
	least, most int64
	// min and max bound the number of items of a list or keys of a map.
	min, max int
	unique   bool // items of a list differ
	// overrides says that the map's values are parts of services.
	overrides bool
	// inner bounds the maps in a map.
	inner *rule
}

// element returns the rule of a list's items or a map's values.
func (r rule) element() rule {
	if r.inner != nil {
		return *r.inner
	}
	return rule{text: r.text, least: r.least, most: r.most}
}

// mode returns how a map's values are read when the map itself is read in m.
func (r rule) mode(m mode) mode {
	if r.overrides {
		return override
	}
	return m
}

// shape holds the rules between the fields of one type.
type shape struct {
	// one lists keys of which exactly one must be given.
	one []string
	// apart lists pairs of keys that exclude each other.
	apart [][2]string
	// needs lists pairs: the first key needs the second.
	needs [][2]string
	// beside says for a key which others may be given with it.
	beside map[string][]string
}

// rules returns every field's rule by "Type.key".
func rules() map[string]rule {
	all := fileRules()
	maps.Copy(all, serviceRules())
	maps.Copy(all, detailRules())
	return all
}

func fileRules() map[string]rule {
	return map[string]rule{
		"File.version":  {help: "Version of the file's form: 1.", required: true, least: 1, most: 1},
		"File.project":  {help: "The project this repository belongs to; the Project must list the repository too.", required: true, text: projectName()},
		"File.members":  {help: "Who may do what. Read from the trusted ref only.", required: true, min: 1, max: MaxMembers},
		"File.stages":   {help: "Branch rules, each with a namespace and an overlay.", required: true, min: 1, max: MaxStages},
		"File.previews": {help: "Stages for pull requests."},
		"File.overlay":  {help: "Kustomize directory for every stage, below the stage's own overlay.", text: filePath()},
		"File.services": {help: "The deployable parts of the project, by name.", required: true, min: 1, max: MaxServices, keys: serviceName()},
		"File.sealed":   {help: "Values of the stages' Secrets, by name and key, encrypted with slipway seal.", max: maxSealed, keys: secretName(), inner: sealedValues()},

		"Member.user":  {help: "Login at the forge.", text: login()},
		"Member.email": {help: "E-mail address of the user.", text: email()},
		"Member.group": {help: "Group or team at the forge.", text: login()},
		"Member.role":  {help: "What the member may do.", required: true, enum: []string{"viewer", "developer", "maintainer", "owner"}},

		"Stage.name":        {help: "The stage's name.", required: true, text: stageName()},
		"Stage.branch":      {help: "The branch that feeds the stage: a name, or a pattern (feature/*) that makes one stage per branch.", text: branchPattern()},
		"Stage.tag":         {help: "Pattern of the tags that feed the stage.", text: branchPattern()},
		"Stage.overlay":     {help: "Kustomize directory of the stage.", text: filePath()},
		"Stage.protected":   {help: "Only maintainers and owners deploy; anyone else's push is held."},
		"Stage.requires":    {help: "What must be true before a release."},
		"Stage.promoteFrom": {help: "Stage whose image digests are taken instead of building.", text: stageName()},
		"Stage.hosts":       {help: "Host names by service.", min: 0, max: MaxServices, keys: serviceName(), text: host()},
		"Stage.resources":   {help: "What all of the stage may use together."},
		"Stage.ttl":         {help: "How long a pattern rule's stage lives after its last push.", text: duration()},
		"Stage.onDelete":    {help: "What happens when the branch is deleted; default delete for a pattern rule, else keep.", enum: []string{"delete", "keep"}},
		"Stage.rollback":    {help: "Whether a failed release returns to the last good one; default never.", enum: []string{"auto", "never"}},
		"Stage.freeze":      {help: "Windows in which nothing is deployed automatically.", max: 100},
		"Stage.sealed":      {help: "Further sealed values, and those that differ from the file's.", max: maxSealed, keys: secretName(), inner: sealedValues()},

		"Freeze.from":   {help: "Begin (RFC 3339).", required: true, text: instant()},
		"Freeze.until":  {help: "End (RFC 3339).", required: true, text: instant()},
		"Freeze.reason": {help: "Why.", text: label()},

		"Requires.checks":    {help: "Names of commit checks that must have succeeded.", max: 50, unique: true, text: label()},
		"Requires.approvals": {help: "How many maintainers must approve.", least: 0, most: 10},

		"Previews.from":       {help: "Stage whose overlay, settings and sizes previews take.", required: true, text: stageName()},
		"Previews.into":       {help: "Only pull requests against these branches.", max: 100, unique: true, text: branchPattern()},
		"Previews.forks":      {help: "Whether forks get previews; default approve, one exact commit at a time.", enum: []string{"never", "approve", "always"}},
		"Previews.drafts":     {help: "Whether drafts get previews; default false."},
		"Previews.labels":     {help: "Only pull requests with one of these labels.", max: 50, unique: true, text: label()},
		"Previews.limit":      {help: "How many previews may exist at once; default 10.", least: 1, most: 100},
		"Previews.ttl":        {help: "How long a preview lives after its last push; default 72h.", text: duration()},
		"Previews.sleepAfter": {help: "How long without requests until a preview is scaled to zero.", text: duration()},
	}
}

// sealedValues bounds the values of one Secret.
func sealedValues() *rule {
	return &rule{min: 1, max: maxSealed, keys: secretKey(), text: sealedValue()}
}

func serviceRules() map[string]rule {
	return map[string]rule{
		"Service.build":     {help: "Source: an image built from a Dockerfile."},
		"Service.image":     {help: "Source: an image of a registry.", text: imageReference()},
		"Service.template":  {help: "Source: a service template.", text: templateName()},
		"Service.with":      {help: "Parameters of the template.", max: 100},
		"Service.compose":   {help: "Source: services of a Compose file."},
		"Service.helm":      {help: "Source: a Helm chart in the repository."},
		"Service.kustomize": {help: "Source: a Kustomize directory in the repository.", text: filePath()},
		"Service.command":   {help: "Replaces the image's entry point.", max: 100, text: argument()},
		"Service.args":      {help: "Replaces the image's command.", max: 100, text: argument()},
		"Service.port":      {help: "Port that the service listens on.", least: 1, most: 65535},
		"Service.ports":     {help: "Further ports by name.", max: 50, keys: portName(), least: 1, most: 65535},
		"Service.routes":    {help: "Paths under which the port is reached from outside.", max: 50},
		"Service.health":    {help: "How to tell whether the service is well."},
		"Service.scale":     {help: "How many replicas."},
		"Service.resources": {help: "What one replica may use."},
		"Service.env":       {help: "Environment variables; never secrets.", max: 500, keys: envName(), text: envValue()},
		"Service.secrets":   {help: "Names of Secrets that the stage must hold; their keys become environment variables.", max: 50, unique: true, text: secretName()},
		"Service.volumes":   {help: "Persistent volumes.", max: 20},
		"Service.release":   {help: "Runs before the new version gets traffic; its failure stops the release."},
		"Service.schedule":  {help: "Makes the service a job that runs at these times (five-field cron expression).", text: cronExpression()},
		"Service.security":  {help: "Rights beyond Pod Security restricted; the project's policy must allow each."},
		"Service.deadline":  {help: "How long a release waits until the service is ready.", text: duration()},
		"Service.stages":    {help: "What differs per stage, by stage name. Maps merge by key, lists and values replace, null removes.", max: MaxStages, keys: stageName(), overrides: true},
	}
}

func detailRules() map[string]rule {
	return map[string]rule{
		"Build.context":    {help: "Directory of the build context; default the repository's root.", text: filePath()},
		"Build.dockerfile": {help: "Dockerfile, relative to the context; default Dockerfile.", text: filePath()},
		"Build.target":     {help: "Stage of the Dockerfile to build; default the last.", text: buildTarget()},
		"Build.args":       {help: "Build arguments; never secrets, images keep them.", max: 100, keys: envName(), text: envValue()},
		"Build.watch":      {help: "Further paths of the repository that the image depends on.", max: 100, unique: true, text: filePath()},
		"Build.repository": {help: "URL of another repository of the project.", text: repositoryURL()},
		"Build.ref":        {help: "Branch or tag of the other repository.", text: refName()},

		"Compose.file":     {help: "Path of the Compose file.", required: true, text: filePath()},
		"Compose.services": {help: "Which of its services; default all.", max: MaxServices, unique: true, text: composeName()},

		"Helm.chart":  {help: "Directory of the chart.", required: true, text: filePath()},
		"Helm.values": {help: "Values files, later ones win.", max: 50, unique: true, text: filePath()},
		"Helm.set":    {help: "Values that win over all files.", max: 200},

		"Route.path": {help: "Prefix of the URL path.", required: true, text: urlPath()},
		"Route.host": {help: "Host name; default the stage's host of the service.", text: host()},

		"Health.path":         {help: "URL path that answers 2xx when the service is well.", text: urlPath()},
		"Health.command":      {help: "Command that exits 0 when the service is well.", min: 1, max: 100, text: argument()},
		"Health.initialDelay": {help: "Seconds before the first check.", least: 0, most: 3600},

		"Scale.min": {help: "Fewest replicas; default 1.", least: 0, most: 1000},
		"Scale.max": {help: "Most replicas; an autoscaler is made when it is above min.", least: 1, most: 1000},
		"Scale.cpu": {help: "Target use of the requested CPU in percent; default 80.", least: 1, most: 100},

		"Resources.cpu":    {help: "CPU (Kubernetes quantity).", text: cpuQuantity()},
		"Resources.memory": {help: "Memory (Kubernetes quantity).", text: byteQuantity()},

		"Volume.path": {help: "Where it is mounted.", required: true, text: mountPath()},
		"Volume.size": {help: "Size (Kubernetes quantity).", required: true, text: byteQuantity()},
		"Volume.name": {help: "Name; default made from the path.", text: volumeName()},

		"Hook.command": {help: "The command.", required: true, min: 1, max: 100, text: argument()},

		"Security.runAsRoot":     {help: "Run as user 0."},
		"Security.runAsUser":     {help: "Run as this user id.", least: 1, most: 1<<31 - 1},
		"Security.writableRoot":  {help: "Let the container write to its root file system."},
		"Security.capabilities":  {help: "Linux capabilities to add.", max: 20, unique: true, text: capability()},
		"Security.serviceTokens": {help: "Mount the service account's token."},
	}
}

// shapes returns the rules between fields by type.
func shapes() map[string]shape {
	return map[string]shape{
		"Member": {one: []string{"user", "group"}, needs: [][2]string{{"email", "user"}}},
		"Stage":  {one: []string{"branch", "tag"}},
		"Build":  {needs: [][2]string{{"ref", "repository"}}},
		"Health": {one: []string{"path", "command"}},
		"Service": {
			one: sources(),
			apart: [][2]string{
				{"schedule", "port"}, {"schedule", "ports"}, {"schedule", "routes"}, {"schedule", "health"},
				{"schedule", "scale"}, {"schedule", "release"},
			},
			needs:  [][2]string{{"with", "template"}},
			beside: besideSource(),
		},
	}
}

func sources() []string {
	return []string{"build", "image", "template", "compose", "helm", "kustomize"}
}

// besideSource says which keys a service may have besides its source. A
// template brings its own command, ports, health and volumes; Compose files,
// charts and Kustomize directories say everything themselves.
func besideSource() map[string][]string {
	own := []string{"deadline", "stages"}
	return map[string][]string{
		"template":  append([]string{"with", "routes", "scale", "resources", "env", "secrets", "security"}, own...),
		"compose":   own,
		"helm":      own,
		"kustomize": own,
	}
}
