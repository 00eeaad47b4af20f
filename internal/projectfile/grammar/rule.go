package grammar

import "maps"

// Rule bounds one field. The decoder and the schema both obey it.
type Rule struct {
	Help     string // one sentence for the schema
	Required bool
	// Text is the format of a string, or of the strings in a list or map.
	Text *Format
	// Keys is the format of a map's keys.
	Keys *Format
	Enum []string
	// Least and most bound a number, or the numbers in a map; both zero: any.
	Least, Most int64
	// Min and max bound the number of items of a list or keys of a map.
	Min, Max int
	Unique   bool // items of a list differ
	// Overrides says that the map's values are parts of services.
	Overrides bool
	// Inner bounds the maps in a map.
	Inner *Rule
}

// Element returns the rule of a list's items or a map's values.
func (r Rule) Element() Rule {
	if r.Inner != nil {
		return *r.Inner
	}
	return Rule{Text: r.Text, Least: r.Least, Most: r.Most}
}

// Mode returns how a map's values are read when the map itself is read in m.
func (r Rule) Mode(m Mode) Mode {
	if r.Overrides {
		return Override
	}
	return m
}

// Shape holds the rules between the fields of one type.
type Shape struct {
	// ExactlyOne lists keys of which exactly one must be given.
	ExactlyOne []string
	// Apart lists pairs of keys that exclude each other.
	Apart [][2]string
	// Needs lists pairs: the first key needs the second.
	Needs [][2]string
	// Beside says for a key which others may be given with it.
	Beside map[string][]string
}

// rules returns every field's rule by "Type.key".
func rules() map[string]Rule {
	all := fileRules()
	maps.Copy(all, serviceRules())
	maps.Copy(all, detailRules())
	return all
}

func fileRules() map[string]Rule {
	return map[string]Rule{
		"File.version":  {Help: "Version of the file's form: 1.", Required: true, Least: 1, Most: 1},
		"File.project":  {Help: "The project this repository belongs to; the Project must list the repository too.", Required: true, Text: projectName()},
		"File.members":  {Help: "Who may do what. Read from the trusted ref only.", Required: true, Min: 1, Max: MaxMembers},
		"File.stages":   {Help: "Branch rules, each with a namespace and an overlay.", Required: true, Min: 1, Max: MaxStages},
		"File.previews": {Help: "Stages for pull requests."},
		"File.services": {Help: "The deployable parts of the project, by name.", Required: true, Min: 1, Max: MaxServices, Keys: serviceName()},
		"File.overlay":  {Help: "Kustomize directory for every stage, below the stage's own overlay.", Text: filePath()},
		"File.sealed":   {Help: "Values of the stages' Secrets, by name and key, encrypted with slipway seal.", Max: MaxSealed, Keys: secretName(), Inner: sealedValues()},

		"Member.user":  {Help: "Login at the forge.", Text: login()},
		"Member.email": {Help: "E-mail address of the user.", Text: email()},
		"Member.group": {Help: "Group or team at the forge.", Text: login()},
		"Member.role":  {Help: "What the member may do.", Required: true, Enum: []string{"viewer", "developer", "maintainer", "owner"}},

		"Stage.name":        {Help: "The stage's name.", Required: true, Text: stageName()},
		"Stage.branch":      {Help: "The branch that feeds the stage: a name, or a pattern (feature/*) that makes one stage per branch.", Text: branchPattern()},
		"Stage.tag":         {Help: "Pattern of the tags that feed the stage.", Text: branchPattern()},
		"Stage.overlay":     {Help: "Kustomize directory of the stage.", Text: filePath()},
		"Stage.protected":   {Help: "Only maintainers and owners deploy; anyone else's push is held."},
		"Stage.requires":    {Help: "What must be true before a release."},
		"Stage.promoteFrom": {Help: "Stage whose image digests are taken instead of building.", Text: stageName()},
		"Stage.hosts":       {Help: "Host names by service.", Min: 0, Max: MaxServices, Keys: serviceName(), Text: host()},
		"Stage.resources":   {Help: "What all of the stage may use together."},
		"Stage.ttl":         {Help: "How long a pattern rule's stage lives after its last push.", Text: duration()},
		"Stage.onDelete":    {Help: "What happens when the branch is deleted; default delete for a pattern rule, else keep.", Enum: []string{"delete", "keep"}},
		"Stage.rollback":    {Help: "Whether a failed release returns to the last good one; default never.", Enum: []string{"auto", "never"}},
		"Stage.freeze":      {Help: "Windows in which nothing is deployed automatically.", Max: 100},
		"Stage.sleep":       {Help: "The part of every day in which the stage has no pods, by the clocks of a place.", Text: hours()},
		"Stage.sealed":      {Help: "More sealed values, and those that differ from the file's.", Max: MaxSealed, Keys: secretName(), Inner: sealedValues()},

		"Freeze.from":   {Help: "Begin (RFC 3339).", Required: true, Text: instant()},
		"Freeze.until":  {Help: "End (RFC 3339).", Required: true, Text: instant()},
		"Freeze.reason": {Help: "Why.", Text: label()},

		"Requires.checks":    {Help: "Names of commit checks that must have succeeded.", Max: 50, Unique: true, Text: label()},
		"Requires.approvals": {Help: "How many maintainers must approve.", Least: 0, Most: 10},

		"Previews.from":       {Help: "Stage whose overlay, settings and sizes previews take.", Required: true, Text: stageName()},
		"Previews.into":       {Help: "Only pull requests into these branches, or into the branch of one that is; default all.", Max: 100, Unique: true, Text: branchPattern()},
		"Previews.forks":      {Help: "Whether forks get previews: none, each commit that a maintainer approves, or every commit; default approve.", Enum: []string{"never", "approve", "always"}},
		"Previews.drafts":     {Help: "Whether drafts get previews; default false."},
		"Previews.labels":     {Help: "Only pull requests with one of these labels, which also let drafts and bots have one.", Max: 50, Unique: true, Text: label()},
		"Previews.limit":      {Help: "How many previews may exist at once; default 10.", Least: 1, Most: 100},
		"Previews.ttl":        {Help: "How long a preview lives after its last push; default 72h.", Text: duration()},
		"Previews.access":     {Help: "Who may see previews: who has the link that the comment shows, or everybody. Default link where the gate is in front. Only members follows once Slipway has a login.", Enum: []string{"link", "public"}},
		"Previews.sleepAfter": {Help: "How long without visits until a preview falls asleep: it has no pods then, and wakes with the next visit. Default never.", Text: duration()},
		"Previews.services":   {Help: "What differs of services in previews, by service.", Max: MaxServices, Keys: serviceName()},
		"Previews.secrets":    {Help: "Sealed values of previews, which have none of the stage's; forks get none.", Max: MaxSealed, Keys: secretName(), Inner: sealedValues()},
		"Previews.templates":  {Help: "Parameters that services of a template have in previews, by the template's name.", Max: 50, Keys: templateName()},

		"PreviewService.replicas":  {Help: "How many replicas, without an autoscaler.", Least: 0, Most: 100},
		"PreviewService.resources": {Help: "What one replica may use."},
		"PreviewService.env":       {Help: "More environment variables, and those that differ; never secrets.", Max: 500, Keys: envName(), Text: envValue()},
		"PreviewService.omit":      {Help: "Leave the service out of previews."},
	}
}

// sealedValues bounds the values of one Secret.
func sealedValues() *Rule {
	return &Rule{Min: 1, Max: MaxSealed, Keys: secretKey(), Text: sealedValue()}
}

func serviceRules() map[string]Rule {
	return map[string]Rule{
		"Service.build":     {Help: "Source: an image built from a Dockerfile."},
		"Service.image":     {Help: "Source: an image of a registry.", Text: imageReference()},
		"Service.template":  {Help: "Source: a service template.", Text: templateName()},
		"Service.with":      {Help: "Parameters of the template.", Max: 100},
		"Service.compose":   {Help: "Source: services of a Compose file."},
		"Service.helm":      {Help: "Source: a Helm chart in the repository."},
		"Service.kustomize": {Help: "Source: a Kustomize directory in the repository.", Text: filePath()},
		"Service.command":   {Help: "Replaces the image's entry point.", Max: 100, Text: argument()},
		"Service.args":      {Help: "Replaces the image's command.", Max: 100, Text: argument()},
		"Service.port":      {Help: "Port that the service listens on.", Least: 1, Most: 65535},
		"Service.ports":     {Help: "Additional ports by name.", Max: 50, Keys: portName(), Least: 1, Most: 65535},
		"Service.routes":    {Help: "Paths under which the port is reached from outside.", Max: 50},
		"Service.health":    {Help: "How to check that the service is healthy."},
		"Service.scale":     {Help: "How many replicas."},
		"Service.resources": {Help: "What one replica may use."},
		"Service.env":       {Help: "Environment variables; never secrets.", Max: 500, Keys: envName(), Text: envValue()},
		"Service.secrets":   {Help: "Names of Secrets that the stage must hold; their keys become environment variables.", Max: 50, Unique: true, Text: secretName()},
		"Service.volumes":   {Help: "Persistent volumes.", Max: 20},
		"Service.release":   {Help: "Runs before the new version gets traffic; its failure stops the release."},
		"Service.schedule":  {Help: "Makes the service a job that runs at these times (five-field cron expression).", Text: cronExpression()},
		"Service.security":  {Help: "Whom the service runs as, and rights that the project's policy must allow."},
		"Service.deadline":  {Help: "How long a release waits until the service is ready.", Text: duration()},
		"Service.stages":    {Help: "What differs per stage, by stage name. Maps merge by key, lists and values replace, null removes.", Max: MaxStages, Keys: stageName(), Overrides: true},
	}
}

func detailRules() map[string]Rule {
	return map[string]Rule{
		"Build.context":    {Help: "Directory of the build context; default the repository's root.", Text: filePath()},
		"Build.dockerfile": {Help: "Dockerfile, relative to the context; default Dockerfile.", Text: filePath()},
		"Build.target":     {Help: "Stage of the Dockerfile to build; default the last.", Text: buildTarget()},
		"Build.args":       {Help: "Build arguments; never secrets, images keep them.", Max: 100, Keys: envName(), Text: envValue()},
		"Build.assemble":   {Help: "Whether an image that needs no execution is made without a container. It is unless this is false."},
		"Build.watch":      {Help: "More paths of the repository that the image depends on.", Max: 100, Unique: true, Text: filePath()},
		"Build.repository": {Help: "URL of another repository of the project.", Text: repositoryURL()},
		"Build.ref":        {Help: "Branch or tag of the other repository.", Text: refName()},

		"Compose.file":      {Help: "Path of the Compose file.", Text: filePath()},
		"Compose.files":     {Help: "Paths of several Compose files; later ones are merged into earlier ones.", Min: 1, Max: 20, Unique: true, Text: filePath()},
		"Compose.services":  {Help: "Which of its services; default all without profiles.", Max: MaxServices, Unique: true, Text: composeName()},
		"Compose.profiles":  {Help: "Profiles whose services are taken, too.", Max: 50, Unique: true, Text: composeName()},
		"Compose.variables": {Help: "Values of variables in the file; they win over a committed .env. Never secrets.", Max: 500, Keys: envName(), Text: envValue()},

		"Helm.chart":  {Help: "Directory of the chart.", Required: true, Text: filePath()},
		"Helm.values": {Help: "Values files, later ones win.", Max: 50, Unique: true, Text: filePath()},
		"Helm.set":    {Help: "Values that win over all files.", Max: 200},

		"Route.path": {Help: "Prefix of the URL path.", Required: true, Text: urlPath()},
		"Route.host": {Help: "Host name; default the stage's host of the service.", Text: host()},

		"Health.path":         {Help: "URL path that answers 2xx when the service is healthy.", Text: urlPath()},
		"Health.command":      {Help: "Command that exits 0 when the service is healthy.", Min: 1, Max: 100, Text: argument()},
		"Health.initialDelay": {Help: "Seconds before the first check.", Least: 0, Most: 3600},

		"Scale.min": {Help: "Fewest replicas; default 1.", Least: 0, Most: 1000},
		"Scale.max": {Help: "Most replicas; an autoscaler is made when it is above min.", Least: 1, Most: 1000},
		"Scale.cpu": {Help: "Target use of the requested CPU in percent; default 80.", Least: 1, Most: 100},

		"Resources.cpu":    {Help: "CPU (Kubernetes quantity).", Text: cpuQuantity()},
		"Resources.memory": {Help: "Memory (Kubernetes quantity).", Text: byteQuantity()},

		"Volume.path": {Help: "Where it is mounted.", Required: true, Text: mountPath()},
		"Volume.size": {Help: "Size (Kubernetes quantity).", Required: true, Text: byteQuantity()},
		"Volume.name": {Help: "Name; default made from the path.", Text: volumeName()},

		"Hook.command": {Help: "The command.", Required: true, Min: 1, Max: 100, Text: argument()},

		"Security.runAsRoot":     {Help: "Run as user 0, whatever the image says."},
		"Security.runAsUser":     {Help: "Run as this user id, whatever the image says.", Least: 1, Most: 1<<31 - 1},
		"Security.writableRoot":  {Help: "Whether the container may write to its root file system. It may unless this is false, or the policy is `restricted`."},
		"Security.capabilities":  {Help: "Linux capabilities to add.", Max: 20, Unique: true, Text: capability()},
		"Security.serviceTokens": {Help: "Mount the service account's token. The stage needs the permission `serviceTokens`."},
	}
}

// shapes returns the rules between fields by type.
func shapes() map[string]Shape {
	return map[string]Shape{
		"Member":  {ExactlyOne: []string{"user", "group"}, Needs: [][2]string{{"email", "user"}}},
		"Stage":   {ExactlyOne: []string{"branch", "tag"}},
		"Compose": {ExactlyOne: []string{"file", "files"}},
		"Build":   {Needs: [][2]string{{"ref", "repository"}}},
		"Health":  {ExactlyOne: []string{"path", "command"}},
		"Service": {
			ExactlyOne: Sources(),
			Apart: [][2]string{
				{"schedule", "port"}, {"schedule", "ports"}, {"schedule", "routes"}, {"schedule", "health"},
				{"schedule", "scale"}, {"schedule", "release"},
			},
			Needs:  [][2]string{{"with", "template"}},
			Beside: besideSource(),
		},
	}
}

// Sources returns the keys of a service that say where it comes from.
func Sources() []string {
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
