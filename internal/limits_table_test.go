package internal_test

// limit is a row of docs/limits.md, and how its limit is reached.
type limit struct {
	group  string
	what   string
	unit   string // "bytes", "time" or what is counted
	beyond string // what happens then; empty means that it is refused
	// reach makes n of it. Shown is the test that does instead, FOLDER:TEST, or says
	// why there is none.
	reach func(n int) error
	shown string
}

const limitsHead = `# Limits

Everything that comes from a repository, a forge, a registry or a sender is bounded in size, number, depth and time, before memory and processor time are
spent on it, in the commands that work in a repository as in the server. Whatever is refused says which limit it met, where, and what to do. Limits are
fixed unless the text above a table says how to change them. This page is made from the code (` + "`go test ./internal -run TestLimitsPage -update`" + `), and a test
reaches each limit and goes one beyond.
`

// Titles of the page.
const (
	inFile      = "The project file"
	inRepo      = "Files of a repository"
	inManifests = "Manifests"
	inCompose   = "Compose"
	inBuilds    = "Builds"
	inGit       = "Git servers"
	inForges    = "Forges"
	inRegistry  = "Registries"
	inWebhooks  = "Webhooks"
	inProjects  = "Projects and stages"
	inCommands  = "The command line"
	inInit      = "slipway init"
	inClusters  = "Clusters"
	inGate      = "The gate"
)

// groups are the page's parts in their order.
func groups() []struct{ title, about string } {
	return []struct{ title, about string }{
		{inFile, "Of `slipway.yaml`; [project-file.md](project-file.md) has those of single fields."},
		{inRepo, "What rendering reads of a commit, or of the working tree, in one go. A repository may hold more: only what is referred to is read."},
		{inManifests, "What a stage may consist of. A stage that is larger can be split into two."},
		{inCompose, "Of Compose files, see [compose.md](compose.md)."},
		{inBuilds, "What images are built from."},
		{inGit, "What a git server may cost, see [security.md](security.md#what-a-server-of-others-may-cost). `mirrors.size` of the chart is the disk of all mirrors together."},
		{inForges, "What the API of a forge may cost."},
		{inRegistry, "What a registry may cost, and what is read of it."},
		{inWebhooks, "What a sender may send, see [push.md](push.md#limits-of-the-receiver)."},
		{inProjects, "Budgets of cpu, memory, storage and objects are the platform team's: `spec.policy.quota` and `spec.resources`, see [custom-resources.md](custom-resources.md)."},
		{inCommands, "What commands read beside the repository. Commands that work in a repository occupy at most so much memory on any input, each of their two processes."},
		{inInit, "What is looked at of a repository, see [init.md](init.md)."},
		{inClusters, "What a cluster's API may cost."},
		{inGate, "What stands in front of previews, see [previews.md](previews.md#asleep-and-awake). Each of its replicas has these."},
	}
}

// limits returns the rows by PACKAGE.NAME.
func limits() map[string]limit {
	all := map[string]limit{}
	for _, part := range []map[string]limit{fileLimits(), repoLimits(), manifestLimits(), buildLimits(), gitLimits(), forgeLimits(), webhookLimits(), gateLimits(), initLimits(), otherLimits()} {
		for name, row := range part {
			all[name] = row
		}
	}
	return all
}

func gateLimits() map[string]limit {
	const bounded = "gate:TestHeldIsBounded"
	return map[string]limit{
		"entrance.MaxBackends": {inGate, "ports of Kubernetes Services that a preview's routes lead to", "", "go past the gate", nil, "entrance:TestGatedLeavesTheRest"},
		"gate.maxHeld":         {inGate, "requests that wait for previews to wake", "", "refused for now", nil, bounded},
		"gate.maxHeldBody":     {inGate, "body of a request that waits", "bytes", "refused for now", nil, bounded},
		"gate.maxHeldBytes":    {inGate, "bodies of all requests that wait", "bytes", "refused for now", nil, bounded},
		"gate.maxHeldTime":     {inGate, "time that a request waits", "time", "refused for now", nil, "gate:TestHeldTooLong"},
		"gate.maxHeaderBytes":  {inGate, "headers of an answer of a preview's pods", "bytes", "", nil, "gate:TestAnswersWithLargeHeaders"},
	}
}

func fileLimits() map[string]limit {
	const atAndBeyond = "projectfile:TestHostile"
	return map[string]limit{
		"projectfile/syntax.MaxBytes":       {inFile, "size", "bytes", "", fileOfSize, ""},
		"projectfile/syntax.MaxLine":        {inFile, "one line", "bytes", "", fileWithLine, ""},
		"projectfile/syntax.MaxTokens":      {inFile, "YAML tokens", "", "", nil, atAndBeyond},
		"projectfile/syntax.MaxNodes":       {inFile, "values, aliases written out", "", "", nil, atAndBeyond},
		"projectfile/syntax.MaxDepth":       {inFile, "maps and lists inside each other", "", "", nil, atAndBeyond},
		"projectfile/syntax.MaxKey":         {inFile, "one key", "bytes", "", nil, atAndBeyond},
		"projectfile/syntax.MaxAliases":     {inFile, "uses of aliases", "", "", fileWithAliases, ""},
		"projectfile/syntax.MaxProblems":    {inFile, "mistakes reported at once", "", "counted, not shown", nil, "projectfile:TestProblemsAreSortedAndBounded"},
		"projectfile/grammar.MaxServices":   {inFile, "services", "", "", fileWithServices, ""},
		"projectfile/grammar.MaxStages":     {inFile, "stages", "", "", fileWithStages, ""},
		"projectfile/grammar.MaxMembers":    {inFile, "members", "", "", fileWithMembers, ""},
		"projectfile/grammar.MaxSealed":     {inFile, "sealed Secrets, and values of one", "", "", fileWithSealed, ""},
		"projectfile/check.maxLife":         {inFile, "life of previews and pattern stages", "time", "", nil, "projectfile:TestRefused"},
		"projectfile/check.maxDeadline":     {inFile, "deadline of a service", "time", "", nil, "projectfile:TestRefused"},
		"render/source/template.maxString":  {inFile, "one text parameter of a template", "", "", nil, "render/source/template:TestTextParameters"},
		"seal.MaxValue":                     {inFile, "one sealed value", "bytes", "", sealedValue, ""},
		"repository.maxSecondary":           {inFile, "refs of other repositories that services are built from", "", "", nil, "repository:TestHeadGivesTheSameSources"},
		"cluster.maxHosts":                  {inProjects, "hosts of a stage", "", "", nil, "cluster:TestManyHosts"},
		"controller/project.maxStages":      {inProjects, "stages of a project, previews included", "", "the oldest stay; no more are made", nil, "controller/project:TestSync"},
		"controller/project.maxDeliveries":  {inProjects, "deliveries of a project that are kept", "", "the oldest go", nil, "controller/project:TestDealtWithDeliveriesAreForgotten"},
		"controller/project.maxReviewed":    {inProjects, "pushes whose merged pull request is looked at for reviews, for one file", "", "not looked at", nil, "controller/project:TestAcceptance"},
		"controller/project.maxAcceptances": {inProjects, "acceptances of a project that are kept", "", "the oldest go", nil, "controller/project:TestAcceptancesAreBounded"},
		"controller/comment.maxForksRead":   {inProjects, "forks that wait to be approved whose changes are shown", "", "not compared", nil, "controller/comment:TestForksAreReadInBounds"},
		"command.MaxExtension":              {inProjects, "life that `/slipway extend` gives a preview, from then on", "time", "", nil, "command:TestParse"},
		"command.MaxAge":                    {inProjects, "age of a comment with a command, when it arrives", "time", "nothing is done", nil, "controller/command:TestCommands"},
		"command.maxServices":               {inProjects, "services that `/slipway restart` names", "", "", nil, "command:TestParse"},
		"scm.maxCommand":                    {inProjects, "the line of a command in a comment", "bytes", "cut", nil, "scm:TestCommand"},
		"release/runner.maxReplicas":        {inProjects, "replicas of a service by `slipway scale`", "", "", nil, "release:TestScaled"},
		"target.maxTemplates":               {inProjects, "templates of an organization", "", "", nil, "target:TestManyTemplates"},
	}
}

func repoLimits() map[string]limit {
	const hostile = "render/worker:TestHostileRepositories"
	return map[string]limit{
		"render/tree.Limits.Files":     {inRepo, "files", "", "", filesRead, ""},
		"render/tree.Limits.FileBytes": {inRepo, "one file", "bytes", "", fileRead, ""},
		"render/tree.Limits.Bytes":     {inRepo, "all files", "bytes", "", bytesRead, ""},
		"render/tree.Limits.Nodes":     {inRepo, "YAML values of one file, aliases written out", "", "", yamlNodes, ""},
		"render/tree.Limits.Depth":     {inRepo, "YAML values, and directories that refer to each other, inside each other", "", "", yamlDepth, ""},
		"render/tree.Limits.Visits":    {inRepo, "directories entered, each as often as it is referred to", "", "", visits, ""},
		"render/tree.Limits.Documents": {inRepo, "YAML documents, each as often as it is referred to", "", "", documentsRead, ""},
		"render/tree.MaxEntries":       {inRepo, "entries of one directory of the working tree", "", "", entriesListed, ""},
		"git.TreeLimits.Entries":       {inRepo, "files and directories of a commit that are listed", "", "", nil, "git:TestTreeLimits"},
		"git.TreeLimits.Depth":         {inRepo, "directories inside each other", "", "", nil, "git:TestTreeLimits"},
		"git.TreeLimits.PathBytes":     {inRepo, "one path, and the target of a link", "bytes", "", nil, "git:TestTreeLimits"},
		"git.TreeLimits.FileBytes":     {inRepo, "one file of a commit, in a build context", "bytes", "", nil, "git:TestTreeLimits"},
		"git.TreeLimits.Bytes":         {inRepo, "files read of a commit, build contexts included", "bytes", "", nil, "git:TestTreeLimits"},
		"render/worker.Limits.Time":    {inRepo, "time to render a stage", "time", "", nil, hostile},
		"render/worker.Limits.CPU":     {inRepo, "processor time to render a stage", "time", "", nil, hostile},
		"render/worker.Limits.Memory":  {inRepo, "memory to render a stage", "bytes", "", nil, hostile},
		"render/worker.Limits.Output":  {inManifests, "rendered manifests of a stage", "bytes", "", nil, "render/worker:TestOutputIsLimited"},
		"render/worker.orderBytes":     {inRepo, "what a render worker is told of a stage", "bytes", "", nil, "render/worker:TestHostileRepositories"},

		"render/source/compose.maxBound":         {inCompose, "files of a directory that a volume binds", "", "", boundFiles, ""},
		"render/source/compose.maxBoundBytes":    {inCompose, "files of a directory that a volume binds, together", "bytes", "", boundBytes, ""},
		"render/source/compose/file.maxFurther":  {inCompose, "files that lead to others, for one service", "", "", nil, hostile},
		"render/source/compose/file.maxProblems": {inCompose, "mistakes reported at once", "", "not shown", nil, hostile},
		"render/workload.maxConfigMap":           {inManifests, "files of a service in one ConfigMap", "bytes", "", nil, hostile},
		"bundle.MaxCompressed":                   {inManifests, "rendered manifests of a stage, compressed, as they are kept", "bytes", "", nil, "bundle:TestPutRefuses"},
	}
}

func manifestLimits() map[string]limit {
	return map[string]limit{
		"manifest.MaxDepth":         {inManifests, "fields of an object inside each other", "levels", "", manifestDepth, ""},
		"manifest.MaxElements":      {inManifests, "elements of one list", "", "", manifestElements, ""},
		"guard.maxDocument":         {inManifests, "one object", "bytes", "", manifestSize, ""},
		"guard.maxObjects":          {inManifests, "objects of a stage", "", "", manifestObjects, ""},
		"guard.maxFindings":         {inManifests, "findings that are shown of an object", "", "not shown", nil, "guard:TestFindingsAreBounded"},
		"manifest.NodeLimits.Nodes": {inCommands, "YAML values of a file with a Cluster, a Project or locks, aliases written out", "", "", smallNodes, ""},
		"manifest.NodeLimits.Bytes": {inCommands, "texts of such a file, aliases written out", "bytes", "", nil, "cli:TestMemoryOfOfflineCommands"},
		"guard.maxGrace":            {inManifests, "grace period of a pod", "seconds", "", gracePeriod, ""},
	}
}

func buildLimits() map[string]limit {
	const request = "build/kaniko:TestNewJobRefuses"
	const widened, left = "all of the context counts as read", "left to a builder"
	const assembled, based = "build/assemble:TestLimits", "build/assemble:TestLargeBases"
	return map[string]limit{
		"build.maxExpandedBytes":           {inBuilds, "all words of a Dockerfile with variables filled in", "bytes", widened, nil, "build/scope:TestOf"},
		"build.maxDocumentBytes":           {inBuilds, "a here-document with variables", "bytes", left, nil, assembled},
		"build/scope.maxSources":           {inBuilds, "sources that a Dockerfile names in its context", "", widened, nil, "build/scope:TestOf"},
		"build/scope.maxSourceBytes":       {inBuilds, "names of these sources together", "bytes", widened, nil, "build/scope:TestOf"},
		"build/scope.maxRoots":             {inBuilds, "files and directories that these sources match", "", widened, nil, "build/scope:TestManyRoots"},
		"build/scope.maxIgnoreBytes":       {inBuilds, "an ignore file", "bytes", "leaves nothing out", nil, "build/scope:TestWalk"},
		"build/scope.maxMatches":           {inBuilds, "patterns of an ignore file, times the files they are compared with", "", "", nil, "build/scope:TestManyMatches"},
		"build/assemble.maxFiles":          {inBuilds, "files that an assembled image copies, and that its stages take over from others", "", left, nil, assembled},
		"build/assemble.maxLayers":         {inBuilds, "layers of an assembled image, with its base's", "", left, nil, assembled},
		"build/assemble.maxPorts":          {inBuilds, "ports that an assembled image exposes", "", left, nil, assembled},
		"build/assemble.maxHops":           {inBuilds, "links on the way to a destination", "", left, nil, "build/assemble:TestCorpus"},
		"build/assemble.maxBaseEntries":    {inBuilds, "files of the base of an assembled image", "", left, nil, based},
		"build/assemble.maxBaseNames":      {inBuilds, "paths of these files, targets of links and extended attributes together", "bytes", left, nil, based},
		"build/assemble.maxBasePath":       {inBuilds, "one of these paths, or of these targets", "bytes", left, nil, "build/assemble:TestIndex"},
		"build/assemble.maxWindow":         {inBuilds, "memory that one layer of the base takes to be decompressed", "bytes", left, nil, "build/assemble:TestWindows"},
		"build/assemble.maxBaseCompressed": {inBuilds, "layers of the base of an assembled image, compressed", "bytes", left, nil, based},
		"build/assemble.maxBaseBytes":      {inBuilds, "layers of the base of an assembled image", "bytes", left, nil, based},
		"build/assemble.maxAccountBytes":   {inBuilds, "`/etc/passwd`, and `/etc/group`, of the base of an assembled image", "bytes", left, nil, based},

		"build.maxDockerfileBytes":    {inBuilds, "a Dockerfile", "bytes", "", dockerfileOfSize, ""},
		"build.maxStages":             {inBuilds, "stages of a Dockerfile", "", "", dockerfileStages, ""},
		"build.maxEdited":             {inBuilds, "parts of arguments (`${A%.*}`) that `ARG` before the first `FROM` and `FROM` take", "", "", nil, "build:TestDockerfileErrors"},
		"build.maxEditedBytes":        {inBuilds, "a word that takes a part of an argument, and that argument", "bytes", "", nil, "build:TestDockerfileErrors"},
		"build.maxWordBytes":          {inBuilds, "the name of a base image with its arguments filled in", "bytes", "", nil, "build:TestBases"},
		"build/kaniko.maxArgs":        {inBuilds, "build arguments", "", "", nil, request},
		"build/kaniko.maxArgBytes":    {inBuilds, "one build argument", "bytes", "", nil, request},
		"build/kaniko.maxArgsBytes":   {inBuilds, "all build arguments", "bytes", "", nil, request},
		"build/kaniko.maxPathBytes":   {inBuilds, "the path of a Dockerfile", "bytes", "", nil, request},
		"build/kaniko.maxLogBytes":    {inBuilds, "the log of a build that is shown", "bytes", "cut", nil, "build/kaniko:TestLogs"},
		"build/kaniko.tailBytes":      {inBuilds, "the end of a log that is searched for the mistake", "bytes", "not searched", nil, "build/kaniko:TestExplain"},
		"build/source.Limits.Bytes":   {inBuilds, "a build context", "bytes", "", nil, "build/source:TestHandlerBoundsTheStream"},
		"build/source.Limits.Entries": {inBuilds, "files, directories and links of a build context", "", "", nil, "build/source:TestHostileContexts"},
		"build/source.Limits.Streams": {inBuilds, "build contexts that are sent at once", "", "waits", nil, "build/source:TestHandlerBoundsConcurrency"},
		"build/source.Limits.Stall":   {inBuilds, "silence while a build context is sent", "time", "ended, and tried again", nil, "build/source:TestHandlerBoundsTheStream"},
		"build/source.maxDepth":       {inBuilds, "directories of a build context inside each other", "", "", nil, "build/source:TestHostileContexts"},
		"build/source.maxNameBytes":   {inBuilds, "a path of a build context", "bytes", "", nil, "build/source:TestHostileContexts"},
		"build/push.maxEntries":       {inBuilds, "files of an image as it is built", "", "", nil, "build/push:TestHostileFiles"},
		"build/push.maxMetadata":      {inBuilds, "manifest and configuration of an image", "bytes", "", nil, "build/push:TestHostileFiles"},

		"build.maxAnswer":          {inRegistry, "one answer", "bytes", "tried again", nil, "build:TestRegistriesThatNeverEnd"},
		"build.maxRefusal":         {inRegistry, "a refusal", "bytes", "tried again", nil, "build:TestRegistriesThatNeverEnd"},
		"build.maxRedirects":       {inRegistry, "redirects", "", "", nil, "build:TestReach"},
		"build.requestTimeout":     {inRegistry, "one question with its repetitions", "time", "tried again", nil, "build:TestRegistriesThatNeverEnd"},
		"build.maxCredentialBytes": {inRegistry, "credentials", "bytes", "", credentials, ""},
	}
}

func gitLimits() map[string]limit {
	const endless, received = "git/wire:TestServersThatNeverEnd", "git/mirror:TestReceiveLimits"
	return map[string]limit{
		"git.Limits.Refs":             {inGit, "refs, of any kind", "", "", nil, "git/wire:TestLongListIsRead"},
		"git/wire.advertisementBytes": {inGit, "the list of refs", "bytes", "", nil, endless},
		"git/wire.nameBytes":          {inGit, "name of a ref, on average", "bytes", "", nil, endless},
		"git.Limits.ListTime":         {inGit, "time to list the refs", "time", "tried again", nil, "git/mirror:TestSlowServer"},
		"git/wire.responseHeadBytes":  {inGit, "boundaries and acknowledgements before a pack", "bytes", "", nil, endless},
		"git.Limits.FetchBytes":       {inGit, "one pack as it is sent; frames, progress and keep-alives may add a sixteenth", "bytes", "", nil, "git/mirror:TestFetchBytesAreBounded"},
		"git.Limits.IncrementalBytes": {inGit, "a pack with history", "bytes", "asked for again without history", nil, "git/mirror:TestLargeHistoryIsLeftOut"},
		"git.Limits.Objects":          {inGit, "objects of one pack", "", "", nil, received},
		"git.Limits.ObjectBytes":      {inGit, "one object", "bytes", "", nil, received},
		"git.Limits.InflatedBytes":    {inGit, "all objects of one pack", "bytes", "", nil, received},
		"git.Limits.FetchTime":        {inGit, "one fetch", "time", "tried again", nil, "git/mirror:TestSlowServer"},
		"git.Limits.StallTime":        {inGit, "silence", "time", "tried again", nil, "git/mirror:TestSlowServer"},
		"git.Limits.MirrorBytes":      {inGit, "one mirror on disk", "bytes", "cloned again without history", nil, "git/mirror:TestMirrorIsBounded"},
		"git/packindex.MaxDepth":      {inGit, "deltas that build on each other", "", "", nil, "git/packindex:TestDeepDeltas"},
		"git/packindex.maxFileBytes":  {inGit, "objects that deltas build on at once, beside those in memory", "bytes", "", nil, "git/packindex:TestBuild"},
		"git.Limits.TotalBytes":       {inGit, "all mirrors on disk", "bytes", "those that were not used for longest go", nil, "git/mirror:TestDiskIsBounded"},
		"git/wire.handshakeBytes":     {inGit, "whatever else comes over an ssh connection", "bytes", "", nil, "git/mirror:TestSSHServersThatNeverEnd"},
		"git/wire.handshakeTimeout":   {inGit, "the handshake of ssh", "time", "tried again", nil, "git/mirror:TestSSHServersThatNeverEnd"},
		"git/wire.headerTimeout":      {inGit, "the first byte of an answer over HTTP", "time", "tried again", nil, endless},
		"git/wire.maxRedirects":       {inGit, "redirects", "", "", nil, endless},
		"git/wire.maxURLBytes":        {inGit, "a clone URL", "bytes", "", nil, endless},
		"git/mirror.maxDescent":       {inGit, "commits that are looked at to see whether one descends from another", "", "taken for one that doesn't", nil, "git/mirror:TestDescends"},
		"git.maxMessageBytes":         {inGit, "the message of a commit", "bytes", "cut", nil, "git/mirror:TestCommit"},
		"scm.maxRef":                  {inGit, "the full name of a branch or tag", "bytes", "", refName, ""},
		"dial.connectTimeout":         {inGit, "connecting, of git, forges and registries alike", "time", "tried again", nil, "git/mirror:TestSlowServer"},
		"dial.headerTimeout":          {inForges, "the first byte of an answer, of registries alike", "time", "tried again", nil, "scm/forges:TestAPIsThatNeverEnd"},
		"dial.maxHeaderBytes":         {inForges, "headers of an answer, of git servers and registries alike", "bytes", "tried again", nil, "scm/forges:TestAPIsThatNeverEnd"},
	}
}

func forgeLimits() map[string]limit {
	const endless = "scm/forges:TestAPIsThatNeverEnd"
	return map[string]limit{
		"scm.callTimeout":           {inForges, "one call", "time", "tried again", nil, endless},
		"scm.maxAnswer":             {inForges, "one answer", "bytes", "tried again", nil, endless},
		"scm.maxObjects":            {inForges, "JSON objects and lists of one answer", "", "tried again", nil, endless},
		"scm.exchangeTimeout":       {inForges, "calls that belong together, such as the pages of a list", "time", "tried again", nil, "scm/forges:TestExchangeHasOneDeadline"},
		"scm.maxExchange":           {inForges, "answers that belong together", "bytes", "tried again", nil, "scm/forges:TestExchangeHasOneBudget"},
		"scm.MaxChecks":             {inForges, "checks of a commit", "", "told apart as far as they were read", nil, endless},
		"scm.MaxPullRequests":       {inForges, "open pull requests of a repository", "", "half a list is no list: the sync waits", nil, endless},
		"scm.maxWait":               {inForges, "waiting when a forge asks for it", "time", "asked again then", nil, "scm/github:TestRateLimitIsRemembered"},
		"scm/github.maxPages":       {inForges, "pages of a list on GitHub", "", "half a list is no list", nil, endless},
		"scm/gitlab.maxPages":       {inForges, "pages of a list on GitLab", "", "half a list is no list", nil, endless},
		"scm/gitea.maxPages":        {inForges, "pages of a list on Gitea", "", "half a list is no list", nil, endless},
		"scm/bitbucket.maxPages":    {inForges, "pages of a list on Bitbucket", "", "half a list is no list", nil, endless},
		"scm/bitbucket.maxMerged":   {inForges, "merged pull requests on Bitbucket Cloud, the newest, that are searched for a merge", "", "`slipway approve` is the way", nil, "scm/bitbucket:TestReviewerConformanceCloud"},
		"scm.MaxDescription":        {inForges, "the description of a commit status", "", "cut", nil, "scm:TestDescribeIsBounded"},
		"scm/github.maxAnnotations": {inForges, "annotations of a check on GitHub", "", "not shown", nil, "scm/github:TestAnnotate"},
		"report.maxShown":           {inForges, "services in a pull request's comment", "", "counted, not shown", nil, "report:TestPullRequestOf"},
	}
}

func webhookLimits() map[string]limit {
	return map[string]limit{
		"scm/github.maxBody":     {inWebhooks, "a body of GitHub", "bytes", "", nil, "webhook:TestTooLarge"},
		"scm/gitlab.maxBody":     {inWebhooks, "a body of GitLab", "bytes", "", nil, "webhook:TestTooLarge"},
		"scm/gitea.maxBody":      {inWebhooks, "a body of Gitea", "bytes", "", nil, "webhook:TestTooLarge"},
		"scm/bitbucket.maxBody":  {inWebhooks, "a body of Bitbucket", "bytes", "", nil, "webhook:TestTooLarge"},
		"scm.maxBodyObjects":     {inWebhooks, "JSON objects and lists of a body", "", "", bodyObjects, ""},
		"scm.MaxMoves":           {inWebhooks, "refs that one delivery moves", "", "the rest is found by the sync", nil, "scm/bitbucket:TestSeveral"},
		"scm.MaxComment":         {inWebhooks, "a comment", "bytes", "cut", nil, "scm:TestBodyIsBounded"},
		"scm.maxDelivery":        {inWebhooks, "the id of a delivery", "", "", nil, "scm/github:TestBounds"},
		"scm.maxRepository":      {inWebhooks, "the path of a repository", "bytes", "", nil, "scm/github:TestBounds"},
		"scm.MaxSecrets":         {inWebhooks, "valid secrets of a project", "", "", nil, "webhook:TestAccepted"},
		"webhook.maxConnections": {inWebhooks, "connections", "", "closed at once", nil, "webhook:TestConnectionsAreBounded"},
		"webhook.maxPerAddress":  {inWebhooks, "connections of one address, which `server.trustedProxies` are not held to", "", "closed at once", nil, "webhook:TestConnectionsAreBounded"},
		"webhook.maxHeader":      {inWebhooks, "headers", "bytes", "", nil, "webhook:TestTooLarge"},
		"webhook.headerTimeout":  {inWebhooks, "time for the headers", "time", "closed", nil, "webhook:TestSlow"},
		"webhook.readTimeout":    {inWebhooks, "time for the whole request", "time", "closed", nil, "webhook:TestSlow"},
		"webhook.writeTimeout":   {inWebhooks, "time for request and answer", "time", "closed", nil, "webhook:TestSlow"},
		"webhook.idleTimeout":    {inWebhooks, "silence between requests", "time", "closed", nil, "webhook:TestSlow"},
		"webhook.maxNameLength":  {inWebhooks, "the name of an organization or project in the address", "", "not found", nil, "webhook:TestRefused"},
		"webhook.Limits.Memory":  {inWebhooks, "bodies that are held at once", "bytes", "refused for now", nil, "webhook:TestMemory"},
		"webhook.Limits.Writes":  {inWebhooks, "deliveries of one project that are stored at once", "", "waits", nil, "webhook:TestWritesAreBoundedPerProject"},
		"webhook.Limits.Read":    {inWebhooks, "time for a body", "time", "closed", nil, "webhook:TestSlow"},
		"webhook.Limits.Create":  {inWebhooks, "time to store a delivery", "time", "the forge sends it again", nil, "webhook:TestTrouble"},
	}
}

// initLimits are those of slipway init.
func initLimits() map[string]limit {
	const tree, sources = "detect/files:TestTreeIsBounded", "detect/source:TestSourcesAreBounded"
	return map[string]limit{
		"detect/files.MaxFile":            {inInit, "one file", "bytes", "only its beginning is read", nil, "detect/files:TestTextIsBounded"},
		"detect/files.maxBytes":           {inInit, "all files that are read", "bytes", "not read, which is said", nil, "detect/files:TestTextIsBounded"},
		"detect/files.maxEntries":         {inInit, "names of files and directories", "", "not looked at, which is said", nil, tree},
		"detect/files.maxDirectories":     {inInit, "directories", "", "not looked into, which is said", nil, tree},
		"detect/files.maxDepth":           {inInit, "directories inside each other", "", "not looked into, which is said", nil, tree},
		"detect.maxServices":              {inInit, "programs that become services", "", "named", nil, "detect:TestManyPrograms"},
		"detect/source.maxKubernetes":     {inInit, "charts, and Kustomize directories, that become services", "", "named", nil, sources},
		"detect/source.maxDockerfiles":    {inInit, "Dockerfiles", "", "not looked at", nil, sources},
		"detect/source.maxComposeFiles":   {inInit, "Compose files", "", "not looked at", nil, sources},
		"detect/source.maxKustomizations": {inInit, "Kustomize directories that are looked at", "", "not looked at", nil, sources},
		"detect/source.maxManifests":      {inInit, "files of manifests", "", "not looked at", nil, sources},
		"detect/convert.maxReleases":      {inInit, "files of HelmReleases that are converted", "", "not converted", nil, "detect/convert:TestHelmReleasesAreBounded"},
	}
}

func otherLimits() map[string]limit {
	return map[string]limit{
		"cli/localfile.MaxBytes":          {inCommands, "a file with a Cluster, a Project, a template or locks", "bytes", "", localFile, ""},
		"cli/offline.MaxMemory":           {inCommands, "memory", "bytes", "ended by the operating system", nil, "cli:TestMemoryOfOfflineCommands"},
		"cli/offline.maxOwn":              {inCommands, "files of `--templates`", "", "", nil, "cli:TestMemoryOfOfflineCommands"},
		"cli/offline.renderLimit":         {inCommands, "time to render where no process can be confined", "time", "", nil, "cli:TestScript"},
		"cli/cmd/stage.maxReplicas":       {inCommands, "replicas that `slipway scale` takes", "", "", nil, "cli:TestScript"},
		"apply/desired.maxDocument":       {inClusters, "one object as it is applied", "bytes", "", nil, "apply/desired:TestParse"},
		"apply/inventory.readLimit":       {inClusters, "a stage's inventory, unpacked", "bytes", "", nil, "apply/inventory:TestLargeInventoryFits"},
		"apply/inventory.storedLimit":     {inClusters, "a stage's inventory, as it is kept", "bytes", "", nil, "apply/inventory:TestLargeInventoryFits"},
		"release/listing.maxItem":         {inClusters, "one item of a list", "bytes", "", nil, "release/listing:TestRead"},
		"render/source/helm.maxGenerated": {inManifests, "one generated text of a chart", "bytes", "", nil, "render/source/helm:TestRandomForms"},
		"build.maxConfigBytes":            {inRegistry, "the configuration of an image", "bytes", "", nil, "build:TestConfigThatIsNone"},
		"build.maxImagePorts":             {inRegistry, "ports that an image exposes", "", "not looked at", nil, "build:TestConfig"},
		"build.maxImageVolumes":           {inRegistry, "volumes of an image", "", "not looked at", nil, "build:TestConfig"},
		"build.maxImageText":              {inRegistry, "the user, and a path of a volume, of an image", "bytes", "not looked at", nil, "build:TestConfig"},
		"cluster.maxAPIVersions":          {inClusters, "API versions and kinds", "", "", nil, "cluster:TestManyAPIVersions"},
		"dial.streamHeaderTimeout":        {inClusters, "the first byte of an answer, of a cluster that a kubeconfig names", "time", "tried again", nil, "cluster:TestKubeconfigsAreDialled"},
	}
}
