package v1alpha1

import (
	"net/url"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Project is an application of one team: its repositories, its cluster, its
// budget and its policy limits.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=swproject
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$')",message="a project's name has at most 40 lower-case letters, digits and dashes"
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.spec.cluster`
// +kubebuilder:printcolumn:name="Stages",type=integer,JSONPath=`.status.stages`
// +kubebuilder:printcolumn:name="Synced",type=string,JSONPath=`.status.conditions[?(@.type=="Synced")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Synced")].reason`
// +kubebuilder:printcolumn:name="File",type=string,JSONPath=`.status.conditions[?(@.type=="FileAccepted")].reason`
// +kubebuilder:printcolumn:name="Last Change",type=date,JSONPath=`.status.lastChange`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Project struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec ProjectSpec `json:"spec"`
	// +optional
	Status ProjectStatus `json:"status,omitempty"`
}

// ProjectSpec is what the platform team decides about a project.
type ProjectSpec struct {
	// Cluster names the Cluster of the same organization.
	// +kubebuilder:validation:MinLength=1
	Cluster string `json:"cluster"`
	// Repositories belong to the project; the first is the primary one.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	Repositories []Repository `json:"repositories"`
	// TrustedRef is the full ref (refs/heads/main) that the project file is
	// read from; empty means the primary repository's default branch.
	// +optional
	// +kubebuilder:validation:Pattern=`^refs/heads/.+$`
	TrustedRef string `json:"trustedRef,omitempty"`
	// Webhook holds the secret that deliveries are signed with.
	Webhook Webhook `json:"webhook"`
	// Members says when a project file that changes members, stages or previews is
	// accepted.
	// +optional
	Members MemberPolicy `json:"members,omitempty"`
	// Budget bounds all stages and previews together.
	// +optional
	Budget Budget `json:"budget,omitempty"`
	// Policy is what the project's stages may do, where it differs from its
	// cluster's policy.
	// +optional
	Policy ProjectPolicy `json:"policy,omitempty"`
	// Hosts are those that the project's stages may use besides their own ones below
	// the cluster's domain, such as shop.example.com; "*.x" stands for every host
	// below x. Hosts that the cluster reserves stay refused.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=200
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^(\*\.)?([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)*[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Hosts []string `json:"hosts,omitempty"`
	// SyncInterval is how often the refs are read without a delivery; default
	// 5m.
	// +optional
	SyncInterval *metav1.Duration `json:"syncInterval,omitempty"`
	// Reports says which stages have a commit status of their own at a commit that
	// changes nothing there: "all" means each of them, "changed" none; empty means
	// the protected ones. One more status is about all such stages together.
	// +optional
	// +kubebuilder:validation:Enum=all;changed
	Reports Reports `json:"reports,omitempty"`
	// Suspend stops all automatic work of the project.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// MemberPolicy says when a project file that changes members, stages or previews is
// accepted.
type MemberPolicy struct {
	// Trust "branchProtection" accepts whatever is on the trusted ref: the forge
	// decides who may push there. Empty accepts a change whose author may make it by
	// the file in force, and holds the others until somebody who may accepts them.
	// +optional
	// +kubebuilder:validation:Enum=branchProtection
	Trust Trust `json:"trust,omitempty"`
}

// Trust is what a change of a project file is believed for.
type Trust string

// TrustBranchProtection believes the protection of the branch at the forge.
const TrustBranchProtection Trust = "branchProtection"

// Reports says which stages report a commit that changes nothing there.
type Reports string

// The stages that report it on their own; empty means the protected ones.
const (
	ReportsAll     Reports = "all"
	ReportsChanged Reports = "changed"
)

// Repository is a git repository of a project.
type Repository struct {
	// Name is the repository's short name in the project.
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$`
	Name string `json:"name"`
	// Forge is the kind of the forge.
	// +kubebuilder:validation:Enum=github;gitlab;gitea;bitbucket
	Forge string `json:"forge"`
	// Path is the repository's path at the forge: owner/name.
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+$`
	// +kubebuilder:validation:MaxLength=300
	Path string `json:"path"`
	// URL is the clone URL (https, ssh, or http where the server allows it).
	// +kubebuilder:validation:Pattern=`^(https|http|ssh)://[^@]*(@[^@]*)?$`
	// +kubebuilder:validation:MaxLength=1024
	URL string `json:"url"`
	// API is the base URL of the forge's API; empty means the public one.
	// +optional
	// +kubebuilder:validation:Pattern=`^https?://`
	API string `json:"api,omitempty"`
	// Credentials names a Secret with a token (key "token"), an SSH key
	// ("ssh-privatekey" and "known_hosts") or a GitHub App ("app-id",
	// "installation-id", "private-key"). Empty means a public repository and
	// no reports.
	// +optional
	Credentials *SecretKey `json:"credentials,omitempty"`
	// CA is the certificate authority of the git server and of the forge's API, where
	// they have one of their own.
	// +optional
	CA *CertificateAuthority `json:"ca,omitempty"`
}

// ForgeHost names the forge of the repository; empty when its URL can't be read.
func (r Repository) ForgeHost() string {
	u, err := url.Parse(r.URL)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// Webhook names the Secret with key "secret" and, while rotating, "previous".
type Webhook struct {
	// Secret names the Secret.
	Secret SecretKey `json:"secret"`
}

// Budget is the sum of what a project's stages and previews may use. Each is
// a Kubernetes quantity; empty means unbounded.
type Budget struct {
	// CPU is the sum of processors.
	// +optional
	CPU string `json:"cpu,omitempty"`
	// Memory is the sum of memory.
	// +optional
	Memory string `json:"memory,omitempty"`
	// Storage is the sum of what volume claims request.
	// +optional
	Storage string `json:"storage,omitempty"`
	// Pods is the number of pods.
	// +optional
	Pods int32 `json:"pods,omitempty"`
}

// ProjectStatus is what Slipway observed of a project.
//
// +structType=atomic
type ProjectStatus struct {
	// ObservedGeneration is the generation of the spec that the status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// FileCommit is the commit that the project file was read from last, whether it
	// was in order or not.
	// +optional
	FileCommit string `json:"fileCommit,omitempty"`
	// File is the project file in force: the last one that was in order. It decides
	// who may do what, also at stages that its commit left as they were.
	// +optional
	File *FileInForce `json:"file,omitempty"`
	// Held is the project file that waits until somebody accepts what it says of
	// members, stages and previews. Its services and overlays are in force.
	// +optional
	Held *HeldFile `json:"held,omitempty"`
	// Identities are the accounts at the forge that members' logins belong to.
	// +optional
	// +listType=map
	// +listMapKey=login
	// +kubebuilder:validation:MaxItems=1000
	Identities []Identity `json:"identities,omitempty"`
	// Recipient is what values are sealed for: slipway seal --recipient.
	// +optional
	Recipient string `json:"recipient,omitempty"`
	// Expired are the refs whose stages expired, each with its commit at that
	// time. Another commit makes the stage again.
	// +optional
	// +listType=map
	// +listMapKey=ref
	// +kubebuilder:validation:MaxItems=1000
	Expired []ExpiredRef `json:"expired,omitempty"`
	// Previews is how it stands with the previews of open pull requests. Those that
	// get none for a reason that their author sees at the forge are left out.
	// +optional
	// +listType=map
	// +listMapKey=pullRequest
	// +kubebuilder:validation:MaxItems=1000
	Previews []Preview `json:"previews,omitempty"`
	// LastChange is when a sync last found anything new.
	// +optional
	LastChange *metav1.Time `json:"lastChange,omitempty"`
	// Reported changes with what was last reported to the forge of stages that a
	// commit leaves as they are.
	// +optional
	Reported string `json:"reported,omitempty"`
	// Stages is how many stages the last sync wanted.
	// +optional
	Stages int32 `json:"stages,omitempty"`
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// FileInForce is the project file that applies to requests of people.
type FileInForce struct {
	// Commit is the commit of the trusted ref that it is from.
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{40}([0-9a-f]{24})?$`
	Commit string `json:"commit"`
	// ID changes when the file does, or what it takes from other repositories.
	ID string `json:"id"`
	// Object is the git object id of slipway.yaml at the commit.
	// +optional
	Object string `json:"object,omitempty"`
	// Actor is the login of the person who pushed that slipway.yaml, or accepted it;
	// empty when unknown, "(registration)" when the Project was registered with it.
	// +optional
	Actor string `json:"actor,omitempty"`
	// Secondary are the commits of the project's other repositories whose project
	// files apply or which services are built from.
	// +kubebuilder:validation:MaxItems=100
	// +listType=atomic
	// +optional
	Secondary []RepositoryCommit `json:"secondary,omitempty"`
	// Accepted is the file whose members, stages and previews apply: this one, or an
	// earlier one while this one is held.
	// +optional
	Accepted *AcceptedFile `json:"accepted,omitempty"`
}

// Identity is the account at the forge that a member's login belongs to: the first
// that a delivery came from, or the one that was accepted since.
type Identity struct {
	// Login is the login, in the letters of the first delivery.
	Login string `json:"login"`
	// Forge is the host of the primary repository's forge.
	Forge string `json:"forge"`
	// ID is the forge's id of the account.
	ID string `json:"id"`
	// Since is since when it is known.
	Since metav1.Time `json:"since"`
	// Claimed is the id of another account that came with the login. It is nobody
	// until an owner accepts it.
	// +optional
	Claimed string `json:"claimed,omitempty"`
}

// AcceptedFile is a project file whose members, stages and previews were accepted.
type AcceptedFile struct {
	// Commit is the newest commit of the trusted ref that says the same of them.
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{40}([0-9a-f]{24})?$`
	Commit string `json:"commit"`
	// ID is the git object id of its slipway.yaml.
	ID string `json:"id"`
	// Number counts the acceptances of the project.
	Number int64 `json:"number"`
	// Reason is why it was accepted.
	// +kubebuilder:validation:Enum=Registered;Permitted;Approved;BranchProtection
	Reason string `json:"reason"`
	// By is who is answerable: logins of those who pushed it, or the Kubernetes user
	// who accepted it; empty when unknown.
	// +optional
	By string `json:"by,omitempty"`
	// At is when it was accepted.
	At metav1.Time `json:"at"`
	// Policy is what it says of members, stages and previews, as JSON. It counts when
	// its commit is no longer in the repository.
	// +optional
	Policy string `json:"policy,omitempty"`
}

// The reasons for which a project file was accepted.
const (
	AcceptedRegistered       = "Registered"
	AcceptedPermitted        = "Permitted"
	AcceptedApproved         = "Approved"
	AcceptedBranchProtection = "BranchProtection"
)

// HeldFile is a project file that waits until somebody accepts it.
type HeldFile struct {
	// Commit is the newest commit of the trusted ref with the file.
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{40}([0-9a-f]{24})?$`
	Commit string `json:"commit"`
	// ID is the git object id of the file; somebody accepts exactly this one.
	ID string `json:"id"`
	// Authors are the logins of those who pushed what it changes.
	// +optional
	// +listType=atomic
	Authors []string `json:"authors,omitempty"`
	// Unknown is true when nobody knows who pushed some of it.
	// +optional
	Unknown bool `json:"unknown,omitempty"`
	// Before is the commit of the trusted ref before the first push that nobody knows
	// the author of.
	// +optional
	Before string `json:"before,omitempty"`
	// Changes say who gains or loses what, and what changes for stages and previews.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=51
	Changes []string `json:"changes,omitempty"`
	// Approvers are members who can accept it.
	// +optional
	// +listType=atomic
	Approvers []string `json:"approvers,omitempty"`
	// Message is the sentence for people.
	// +kubebuilder:validation:MaxLength=4096
	Message string `json:"message"`
	// Since is since when this file is held.
	Since metav1.Time `json:"since"`
}

// Head returns the head that the file is read by, of no commit.
func (f FileInForce) Head() Head {
	head := Head{FileCommit: f.Commit, FileID: f.ID, FileObject: f.Object, FileActor: f.Actor, Secondary: f.Secondary}
	if f.Accepted != nil {
		head.Acceptance = f.Accepted.Number
		if f.Accepted.Commit != f.Commit {
			head.AcceptedCommit = f.Accepted.Commit
		}
	}
	return head
}

// ExpiredRef is a ref whose stage was taken down after its time.
type ExpiredRef struct {
	// Ref is the full ref.
	Ref string `json:"ref"`
	// Commit is the commit that it was at.
	Commit string `json:"commit"`
}

// KnownIdentities returns those at the forge of the primary repository. Those of
// another forge are forgotten with it.
func (p *Project) KnownIdentities() []Identity {
	var known []Identity
	for _, one := range p.Status.Identities {
		if one.Forge == p.Primary().ForgeHost() {
			known = append(known, one)
		}
	}
	return known
}

// ProjectList is a list of projects.
// +kubebuilder:object:root=true
type ProjectList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Project `json:"items"`
}

// Primary returns the repository with the project's file. Admission lets no
// Project be without one.
func (p *Project) Primary() Repository { return p.Spec.Repositories[0] }
