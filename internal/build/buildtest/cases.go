package buildtest

import (
	"io/fs"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/git/gittest"
)

// files makes plain files of texts.
func files(of ...string) map[string]gittest.File {
	made := map[string]gittest.File{}
	for i := 0; i < len(of); i += 2 {
		made[of[i]] = gittest.File{Data: of[i+1]}
	}
	return made
}

// and adds files with modes.
func and(to map[string]gittest.File, name string, mode fs.FileMode, data string) map[string]gittest.File {
	to[name] = gittest.File{Mode: mode, Data: data}
	return to
}

const dir = "d 755 0:0"

// Corpus returns the cases by name. What is wanted is written down from the reference of
// Dockerfiles, and where that is silent, from what BuildKit does. Every builder is tested
// with it.
func Corpus() map[string]Case {
	all := map[string]Case{}
	for part, cases := range map[string]map[string]Case{
		"copied": copied(), "destinations": destinations(), "owners": owned(), "sources": sources(), "ignored": ignored(),
		"variables": variables(), "configuration": configured(), "stages": staged(), "left to others": left(),
	} {
		for name, one := range cases {
			all[part+": "+name] = one
		}
	}
	return all
}

func copied() map[string]Case {
	tree := func() map[string]gittest.File {
		return and(and(files("site/index.html", "hi", "site/css/a.css", "a", "README.md", "read"), "site/run.sh", 0o111, "#!"), "site/link", fs.ModeSymlink, "css/a.css")
	}
	site := map[string]string{"www": dir, "www/index.html": "f 644 0:0 hi", "www/css": dir, "www/css/a.css": "f 644 0:0 a", "www/run.sh": "f 755 0:0 #!", "www/link": "l 0:0 css/a.css"}
	return map[string]Case{
		"a file":                     {Dockerfile: "FROM BASE\nCOPY site/index.html /www/index.html\n", Files: tree(), Want: map[string]string{"www": dir, "www/index.html": "f 644 0:0 hi"}},
		"an executable":              {Dockerfile: "FROM BASE\nCOPY site/run.sh /run.sh\n", Files: tree(), Want: map[string]string{"run.sh": "f 755 0:0 #!"}},
		"what is in a directory":     {Dockerfile: "FROM BASE\nCOPY site /www\n", Files: tree(), Want: site},
		"with slashes":               {Dockerfile: "FROM BASE\nCOPY site/ /www/\n", Files: tree(), Want: site},
		"from the context's root":    {Dockerfile: "FROM BASE\nCOPY /site /www\n", Files: tree(), Want: site},
		"what leads outside":         {Dockerfile: "FROM BASE\nCOPY ../site /www\n", Files: tree(), Want: site},
		"in JSON":                    {Dockerfile: "FROM BASE\nCOPY [\"site\", \"/www\"]\n", Files: tree(), Want: site},
		"ADD":                        {Dockerfile: "FROM BASE\nADD site /www\n", Files: tree(), Want: site},
		"a link in a directory":      {Dockerfile: "FROM BASE\nCOPY d /d\n", Files: and(files("d/a", "a"), "d/out", fs.ModeSymlink, "/etc/passwd"), Want: map[string]string{"d": dir, "d/a": "f 644 0:0 a", "d/out": "l 0:0 /etc/passwd"}},
		"a submodule":                {Dockerfile: "FROM BASE\nCOPY d /d\n", Files: and(files("d/a", "a"), "d/module", fs.ModeIrregular, "m"), Want: map[string]string{"d": dir, "d/a": "f 644 0:0 a", "d/module": dir}},
		"an empty file":              {Dockerfile: "FROM BASE\nCOPY empty /empty\n", Files: files("empty", ""), Want: map[string]string{"empty": "f 644 0:0 "}},
		"a name with a blank":        {Dockerfile: "FROM BASE\nCOPY [\"a b\", \"/c d\"]\n", Files: files("a b", "x"), Want: map[string]string{"c d": "f 644 0:0 x"}},
		"a name beyond ASCII":        {Dockerfile: "FROM BASE\nCOPY grüße.txt /ärger/\n", Files: files("grüße.txt", "x"), Want: map[string]string{"ärger": dir, "ärger/grüße.txt": "f 644 0:0 x"}},
		"the same file twice":        {Dockerfile: "FROM BASE\nCOPY a /x\nCOPY b /x\n", Files: files("a", "a", "b", "b"), Want: map[string]string{"x": "f 644 0:0 b"}},
		"several files":              {Dockerfile: "FROM BASE\nCOPY a b /x/\n", Files: files("a", "a", "b", "b"), Want: map[string]string{"x": dir, "x/a": "f 644 0:0 a", "x/b": "f 644 0:0 b"}},
		"a file and a directory":     {Dockerfile: "FROM BASE\nCOPY a d /x/\n", Files: files("a", "a", "d/b", "b"), Want: map[string]string{"x": dir, "x/a": "f 644 0:0 a", "x/b": "f 644 0:0 b"}},
		"a here-document":            {Dockerfile: "FROM BASE\nARG WHO=you\nCOPY <<EOF /etc/motd\nhello $WHO \"there\"\nEOF\n", Want: map[string]string{"etc/motd": "f 644 0:0 hello you \"there\"\n"}},
		"a quoted here-document":     {Dockerfile: "FROM BASE\nCOPY <<'EOF' /etc/motd\nhello $WHO\nEOF\n", Want: map[string]string{"etc/motd": "f 644 0:0 hello $WHO\n"}},
		"here-documents by names":    {Dockerfile: "FROM BASE\nCOPY <<one.txt <<two.txt /texts/\n1\none.txt\n2\ntwo.txt\n", Want: map[string]string{"texts": dir, "texts/one.txt": "f 644 0:0 1\n", "texts/two.txt": "f 644 0:0 2\n"}},
		"a here-document with modes": {Dockerfile: "FROM BASE\nCOPY --chmod=755 --chown=7:8 <<EOF /go.sh\n#!\nEOF\n", Want: map[string]string{"go.sh": "f 755 7:8 #!\n"}},
		"the Dockerfile itself":      {Dockerfile: "FROM BASE\nCOPY Dockerfile /D\n", Want: map[string]string{"D": "f 644 0:0 FROM BASE\nCOPY Dockerfile /D\n"}},
		"an independent layer":       {Dockerfile: "FROM BASE\nCOPY --link a /x/\n", Files: files("a", "a"), Want: map[string]string{"x": dir, "x/a": "f 644 0:0 a"}},
	}
}

func destinations() map[string]Case {
	a := func() map[string]gittest.File { return files("a", "a", "d/b", "b", "d/e/c", "c") }
	return map[string]Case{
		"into a directory that exists":      {Dockerfile: "FROM BASE\nCOPY a /srv\n", Files: a(), Want: map[string]string{"srv/a": "f 644 0:0 a"}},
		"a directory's owner and mode stay": {Dockerfile: "FROM BASE\nCOPY --chown=9:9 --chmod=600 a /opt/app/\n", Files: a(), Want: map[string]string{"opt/app/a": "f 600 9:9 a"}},
		"the mode of /tmp stays":            {Dockerfile: "FROM BASE\nCOPY d /tmp\n", Files: a(), Want: map[string]string{"tmp/b": "f 644 0:0 b", "tmp/e": dir, "tmp/e/c": "f 644 0:0 c"}},
		"over a file":                       {Dockerfile: "FROM BASE\nCOPY a /usr/bin/tool\n", Files: a(), Want: map[string]string{"usr/bin/tool": "f 644 0:0 a"}},
		"through a link":                    {Dockerfile: "FROM BASE\nCOPY a /bin/a\n", Files: a(), Want: map[string]string{"usr/bin/a": "f 644 0:0 a"}},
		"through an absolute link":          {Dockerfile: "FROM BASE\nCOPY a /var/run/x/a\n", Files: a(), Want: map[string]string{"run/x": dir, "run/x/a": "f 644 0:0 a"}},
		"below WORKDIR":                     {Dockerfile: "FROM BASE\nWORKDIR /app\nCOPY a .\nCOPY a b/\nCOPY a c\n", Files: a(), Want: map[string]string{"app": dir, "app/a": "f 644 0:0 a", "app/b": dir, "app/b/a": "f 644 0:0 a", "app/c": "f 644 0:0 a"}, Config: func(c *v1.Config) { c.WorkingDir = "/app" }},
		"outside of WORKDIR":                {Dockerfile: "FROM BASE\nWORKDIR /srv/x\nCOPY a ../y/\n", Files: a(), Want: map[string]string{"srv/x": dir, "srv/y": dir, "srv/y/a": "f 644 0:0 a"}, Config: func(c *v1.Config) { c.WorkingDir = "/srv/x" }},
		"without WORKDIR":                   {Dockerfile: "FROM BASE\nCOPY a x/\n", Files: a(), Want: map[string]string{"x": dir, "x/a": "f 644 0:0 a"}},
		"the base's WORKDIR":                {Dockerfile: "FROM PROGRAM\nCOPY a x\n", Files: a(), Want: map[string]string{"srv/x": "f 644 0:0 a"}},
		"a directory whose place is new":    {Dockerfile: "FROM BASE\nCOPY d /n/m/o\n", Files: a(), Want: map[string]string{"n": dir, "n/m": dir, "n/m/o": dir, "n/m/o/b": "f 644 0:0 b", "n/m/o/e": dir, "n/m/o/e/c": "f 644 0:0 c"}},
		"two directories in one":            {Dockerfile: "FROM BASE\nCOPY one /x\nCOPY two /x\n", Files: files("one/a", "1", "one/s/b", "1", "two/s/c", "2", "two/a", "2"), Want: map[string]string{"x": dir, "x/a": "f 644 0:0 2", "x/s": dir, "x/s/b": "f 644 0:0 1", "x/s/c": "f 644 0:0 2"}},
		"the root":                          {Dockerfile: "FROM BASE\nCOPY root /\n", Files: files("root/usr/share/x", "x", "root/new", "n"), Want: map[string]string{"usr/share": dir, "usr/share/x": "f 644 0:0 x", "new": "f 644 0:0 n"}},
		"a link of the root in the way":     {Dockerfile: "FROM BASE\nCOPY root /\n", Files: files("root/bin/x", "x"), Runs: "would take the place of /bin"},
		"links in circles":                  {Dockerfile: "FROM BASE\nCOPY a /loop/x\n", Files: a(), Runs: "in the way"},
		"a file in the way":                 {Dockerfile: "FROM BASE\nCOPY a /usr/bin/tool/x\n", Files: a(), Runs: "in the way"},
		"a file for a directory":            {Dockerfile: "FROM BASE\nCOPY x /\n", Files: files("x/srv", "f"), Runs: "the place of the directory"},
		"a mode that would change":          {Dockerfile: "FROM BASE\nCOPY x /\n", Files: files("x/tmp/f", "f"), Runs: "owner and mode of /tmp"},
		"several files and no directory":    {Dockerfile: "FROM BASE\nCOPY a* /x\n", Files: files("a1", "1", "a2", "2"), Runs: "not written as a directory"},
	}
}

func owned() map[string]Case {
	a := func() map[string]gittest.File { return files("a", "a", "d/b", "b") }
	return map[string]Case{
		"by number":                   {Dockerfile: "FROM BASE\nCOPY --chown=7:8 a /x/a\n", Files: a(), Want: map[string]string{"x": "d 755 7:8", "x/a": "f 644 7:8 a"}},
		"one number":                  {Dockerfile: "FROM BASE\nCOPY --chown=7 a /a\n", Files: a(), Want: map[string]string{"a": "f 644 7:7 a"}},
		"by names":                    {Dockerfile: "FROM BASE\nCOPY --chown=app:staff d /x\n", Files: a(), Want: map[string]string{"x": "d 755 1000:50", "x/b": "f 644 1000:50 b"}},
		"one name":                    {Dockerfile: "FROM BASE\nCOPY --chown=app a /a\n", Files: a(), Want: map[string]string{"a": "f 644 1000:1000 a"}},
		"a number and a name":         {Dockerfile: "FROM BASE\nCOPY --chown=7:staff a /a\n", Files: a(), Want: map[string]string{"a": "f 644 7:50 a"}},
		"ADD with an owner":           {Dockerfile: "FROM BASE\nADD --chown=7:8 --chmod=0640 a /a\n", Files: a(), Want: map[string]string{"a": "f 640 7:8 a"}},
		"by a variable":               {Dockerfile: "FROM BASE\nARG WHO=7:8\nCOPY --chown=$WHO a /a\n", Files: a(), Want: map[string]string{"a": "f 644 7:8 a"}},
		"a mode":                      {Dockerfile: "FROM BASE\nCOPY --chmod=700 a /a\n", Files: a(), Want: map[string]string{"a": "f 700 0:0 a"}},
		"a mode of directories":       {Dockerfile: "FROM BASE\nCOPY --chmod=750 d /x/\n", Files: files("d/e/f", "f"), Want: map[string]string{"x": dir, "x/e": "d 750 0:0", "x/e/f": "f 750 0:0 f"}},
		"WORKDIR is USER's":           {Dockerfile: "FROM BASE\nUSER app\nWORKDIR /home/app\nCOPY a .\n", Files: a(), Want: map[string]string{"home": "d 755 1000:1000", "home/app": "d 755 1000:1000", "home/app/a": "f 644 0:0 a"}, Config: func(c *v1.Config) { c.User, c.WorkingDir = "app", "/home/app" }},
		"WORKDIR is USER's by number": {Dockerfile: "FROM BASE\nUSER 7:8\nWORKDIR /w\n", Want: map[string]string{"w": "d 755 7:8"}, Config: func(c *v1.Config) { c.User, c.WorkingDir = "7:8", "/w" }},
		"WORKDIR that exists":         {Dockerfile: "FROM BASE\nUSER app\nWORKDIR /opt/app\n", Want: map[string]string{}, Config: func(c *v1.Config) { c.User, c.WorkingDir = "app", "/opt/app" }},
		"PATH of scratch":             {Dockerfile: "FROM scratch\nENV PATH=/app:$PATH\nCOPY a /a\n", Files: a(), Want: map[string]string{"a": "f 644 0:0 a"}, Config: func(c *v1.Config) { empties(c); c.Env = []string{"PATH=/app:" + c.Env[0][len("PATH="):]} }},
		"the owner of a scratch file": {Dockerfile: "FROM scratch\nCOPY --chown=7:8 a /a\n", Files: a(), Want: map[string]string{"a": "f 644 7:8 a"}, Config: empties},
		"nobody's name":               {Dockerfile: "FROM BASE\nCOPY --chown=nobody a /a\n", Files: a(), Runs: "--chown=nobody"},
		"a name with another group":   {Dockerfile: "FROM BASE\nCOPY --chown=odd a /a\n", Files: a(), Runs: "--chown=odd"},
		"a group's unknown name":      {Dockerfile: "FROM BASE\nCOPY --chown=app:nobody a /a\n", Files: a(), Runs: "--chown=app:nobody"},
		"a name of copied accounts":   {Dockerfile: "FROM BASE\nCOPY passwd /etc/passwd\nCOPY --chown=app a /a\n", Files: files("passwd", "app:x:9:9::/:\n", "a", "a"), Runs: "--chown=app"},
		"a mode in letters":           {Dockerfile: "FROM BASE\nCOPY --chmod=u+x a /a\n", Files: a(), Runs: "--chmod=u+x"},
		"a special mode":              {Dockerfile: "FROM BASE\nCOPY --chmod=4755 a /a\n", Files: a(), Runs: "--chmod=4755"},
		"WORKDIR of an unknown USER":  {Dockerfile: "FROM BASE\nUSER who\nWORKDIR /w\n", Runs: "USER who"},
	}
}

// empties is the configuration of scratch.
func empties(c *v1.Config) {
	*c = v1.Config{Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, WorkingDir: "/"}
}

func sources() map[string]Case {
	tree := func() map[string]gittest.File {
		return files("a.conf", "a", "b.conf", "b", "c.txt", "c", "d/x.conf", "x", "e/x.conf", "y", "e/deep/z.conf", "z")
	}
	linked := and(files("real/f", "f"), "to", fs.ModeSymlink, "real")
	return map[string]Case{
		"a wildcard":                {Dockerfile: "FROM BASE\nCOPY *.conf /c/\n", Files: tree(), Want: map[string]string{"c": dir, "c/a.conf": "f 644 0:0 a", "c/b.conf": "f 644 0:0 b"}},
		"a question mark":           {Dockerfile: "FROM BASE\nCOPY ?.txt /c/\n", Files: tree(), Want: map[string]string{"c": dir, "c/c.txt": "f 644 0:0 c"}},
		"a class":                   {Dockerfile: "FROM BASE\nCOPY [a-b].conf /c/\n", Files: tree(), Want: map[string]string{"c": dir, "c/a.conf": "f 644 0:0 a", "c/b.conf": "f 644 0:0 b"}},
		"a wildcard in the way":     {Dockerfile: "FROM BASE\nCOPY */x.conf /c/\n", Files: tree(), Want: map[string]string{"c": dir, "c/x.conf": "f 644 0:0 y"}},
		"directories by a wildcard": {Dockerfile: "FROM BASE\nCOPY [de] /c/\n", Files: tree(), Want: map[string]string{"c": dir, "c/x.conf": "f 644 0:0 y", "c/deep": dir, "c/deep/z.conf": "f 644 0:0 z"}},
		"all of a context":          {Dockerfile: "FROM BASE\nCOPY . /c/\n", Files: files("a", "a"), Want: map[string]string{"c": dir, "c/a": "f 644 0:0 a", "c/Dockerfile": "f 644 0:0 FROM BASE\nCOPY . /c/\n"}},
		"no match":                  {Dockerfile: "FROM BASE\nCOPY *.nothing /c/\n", Files: tree(), Runs: "has no *.nothing"},
		"a missing file":            {Dockerfile: "FROM BASE\nCOPY nothing /c/\n", Files: tree(), Runs: "has no nothing"},
		"a link":                    {Dockerfile: "FROM BASE\nCOPY to /c\n", Files: linked, Runs: "depends on the builder"},
		"through a source's link":   {Dockerfile: "FROM BASE\nCOPY to/f /c\n", Files: linked, Runs: "depends on the builder"},
		"a name with brackets":      {Dockerfile: "FROM BASE\nCOPY a[1].txt /c/\n", Files: files("a1.txt", "1", "a[1].txt", "2"), Runs: "depends on the builder"},
		"a sum of what is here":     {Dockerfile: "FROM BASE\nADD --checksum=sha256:0000000000000000000000000000000000000000000000000000000000000000 c.txt /c/\n", Files: tree(), Runs: "ADD has a flag"},
		"any depth":                 {Dockerfile: "FROM BASE\nCOPY **/x.conf /c/\n", Files: tree(), Runs: "depends on the builder"},
		"an archive":                {Dockerfile: "FROM BASE\nADD a.tar.gz /c/\n", Files: files("a.tar.gz", "\x1f\x8b\x08rest"), Runs: "may unpack"},
		"an archive that is copied": {Dockerfile: "FROM BASE\nCOPY a.tar.gz /c/\n", Files: files("a.tar.gz", "\x1f\x8b\x08rest"), Want: map[string]string{"c": dir, "c/a.tar.gz": "f 644 0:0 \x1f\x8b\x08rest"}},
		"another host":              {Dockerfile: "FROM BASE\nADD https://example.org/x /x\n", Runs: "fetches"},
		"another repository":        {Dockerfile: "FROM BASE\nADD git@example.org:a/b.git /x\n", Runs: "fetches"},
	}
}

func ignored() map[string]Case {
	tree := func(ignore string) map[string]gittest.File {
		return files(".dockerignore", ignore, "a.md", "a", "b.txt", "b", "docs/c.md", "c", "docs/keep.md", "k", "sub/d.md", "d", "sub/e.txt", "e")
	}
	all := "FROM BASE\nCOPY . /c/\n"
	dockerfile := "f 644 0:0 " + all
	return map[string]Case{
		"names":           {Dockerfile: all, Files: tree("docs\n.dockerignore\nDockerfile\n"), Want: map[string]string{"c": dir, "c/a.md": "f 644 0:0 a", "c/b.txt": "f 644 0:0 b", "c/sub": dir, "c/sub/d.md": "f 644 0:0 d", "c/sub/e.txt": "f 644 0:0 e"}},
		"at one depth":    {Dockerfile: all, Files: tree("*.md\n"), Want: map[string]string{"c": dir, "c/b.txt": "f 644 0:0 b", "c/docs": dir, "c/docs/c.md": "f 644 0:0 c", "c/docs/keep.md": "f 644 0:0 k", "c/sub": dir, "c/sub/d.md": "f 644 0:0 d", "c/sub/e.txt": "f 644 0:0 e", "c/.dockerignore": "f 644 0:0 *.md\n", "c/Dockerfile": dockerfile}},
		"at every depth":  {Dockerfile: all, Files: tree("**/*.md\n.*\nDockerfile\n"), Want: map[string]string{"c": dir, "c/b.txt": "f 644 0:0 b", "c/docs": dir, "c/sub": dir, "c/sub/e.txt": "f 644 0:0 e"}},
		"but for some":    {Dockerfile: all, Files: tree("# all\n*\n!docs/keep.md\n!b.txt\n"), Want: map[string]string{"c": dir, "c/b.txt": "f 644 0:0 b", "c/docs": dir, "c/docs/keep.md": "f 644 0:0 k"}},
		"the last counts": {Dockerfile: all, Files: tree("*\n!docs\ndocs/c.md\n"), Want: map[string]string{"c": dir, "c/docs": dir, "c/docs/keep.md": "f 644 0:0 k"}},
		"below a source":  {Dockerfile: "FROM BASE\nCOPY docs /d\n", Files: tree("docs/c*\n"), Want: map[string]string{"d": dir, "d/keep.md": "f 644 0:0 k"}},
		"of a wildcard":   {Dockerfile: "FROM BASE\nCOPY docs/*.md /d/\n", Files: tree("**/keep.md\n"), Want: map[string]string{"d": dir, "d/c.md": "f 644 0:0 c"}},
		"a directory's":   {Dockerfile: "FROM BASE\nCOPY sub /d\n", Files: tree("/sub/*\n!/sub/e.txt\n"), Want: map[string]string{"d": dir, "d/e.txt": "f 644 0:0 e"}},
		"of the Dockerfile's own": {
			Dockerfile: "FROM BASE\nCOPY sub /d\n", Name: "build/Web.Dockerfile", Files: and(tree("sub\n"), "build/Web.Dockerfile.dockerignore", 0, "**/d.md\n"),
			Want: map[string]string{"d": dir, "d/e.txt": "f 644 0:0 e"},
		},
		"by a link":      {Dockerfile: all, Files: and(files("ignore", "a.md\n", "a.md", "a"), ".dockerignore", fs.ModeSymlink, "ignore"), Runs: "depends on the builder"},
		"by a long list": {Dockerfile: all, Files: files(".dockerignore", long(64<<10)+"\na.md\n", "a.md", "a"), Runs: "depends on the builder"},
		"by no pattern":  {Dockerfile: all, Files: files(".dockerignore", "[\n", "a.md", "a"), Runs: "depends on the builder"},
		"what is copied": {Dockerfile: "FROM BASE\nCOPY b.txt /b\n", Files: tree("*.txt\n"), Runs: "leaves it out"},
	}
}

func variables() map[string]Case {
	a := func() map[string]gittest.File { return files("a", "a", "b", "b") }
	env := func(entries ...string) func(*v1.Config) {
		return func(c *v1.Config) { c.Env = append(c.Env, entries...) }
	}
	return map[string]Case{
		"of ENV":                 {Dockerfile: "FROM BASE\nENV N=a\nCOPY ${N} /x/$N\n", Files: a(), Want: map[string]string{"x": dir, "x/a": "f 644 0:0 a"}, Config: env("N=a")},
		"of the base's ENV":      {Dockerfile: "FROM BASE\nENV L=$LANG-x\n", Want: map[string]string{}, Config: env("L=C-x")},
		"of ARG":                 {Dockerfile: "FROM BASE\nARG N=a\nCOPY $N /x\n", Files: a(), Want: map[string]string{"x": "f 644 0:0 a"}},
		"of a given ARG":         {Dockerfile: "FROM BASE\nARG N=a\nCOPY $N /x\n", Args: map[string]string{"N": "b"}, Files: a(), Want: map[string]string{"x": "f 644 0:0 b"}},
		"before FROM":            {Dockerfile: "ARG N=b\nFROM BASE\nARG N\nCOPY $N /x\n", Files: a(), Want: map[string]string{"x": "f 644 0:0 b"}},
		"before FROM, not after": {Dockerfile: "ARG N=b\nFROM BASE\nLABEL n=x$N\n", Want: map[string]string{}, Config: func(c *v1.Config) { c.Labels["n"] = "x" }},
		"a default in a word":    {Dockerfile: "FROM BASE\nCOPY ${N:-a} /x\n", Files: a(), Want: map[string]string{"x": "f 644 0:0 a"}},
		"of the platform":        {Dockerfile: "FROM BASE\nARG TARGETARCH\nLABEL on=$TARGETARCH\n", Want: map[string]string{}, Config: func(c *v1.Config) { c.Labels["on"] = "amd64" }},
		"on one line":            {Dockerfile: "FROM BASE\nENV A=1\nENV A=2 B=$A\n", Want: map[string]string{}, Config: env("A=2", "B=1")},
		"in quotes": {Dockerfile: "FROM BASE\nENV A=1\nLABEL a=\"$A b\" b='$A' c=\\$A\n", Want: map[string]string{}, Config: func(c *v1.Config) {
			c.Env = append(c.Env, "A=1")
			c.Labels["a"], c.Labels["b"], c.Labels["c"] = "1 b", "$A", "$A"
		}},
		"that replace":              {Dockerfile: "FROM BASE\nENV LANG=de PATH=/opt/app:$PATH\n", Want: map[string]string{}, Config: func(c *v1.Config) { c.Env = []string{"PATH=/opt/app:/usr/bin", "LANG=de"} }},
		"of which a part is taken":  {Dockerfile: "FROM BASE\nARG V=1.2\nLABEL v=${V%.*}\n", Runs: "a part of a variable's value"},
		"of which a part is a port": {Dockerfile: "FROM BASE\nARG V=80.2\nEXPOSE ${V%%.*}\n", Runs: "a part of a variable's value"},
		"of two minds":              {Dockerfile: "FROM BASE\nARG LANG=a\nCOPY $LANG /x\n", Files: a(), Runs: "$LANG depends on the builder"},
		"in another escape":         {Dockerfile: "# escape=`\nFROM BASE\nCOPY a /x\n", Files: a(), Runs: "escape"},
		"of another kind of file":   {Dockerfile: "# syntax=example.org/other:1\nFROM BASE\nCOPY a /x\n", Files: a(), Runs: "syntax"},
		"with Docker's own syntax":  {Dockerfile: "# syntax=docker/dockerfile:1\nFROM BASE\nCOPY a /x\n", Files: a(), Want: map[string]string{"x": "f 644 0:0 a"}},
	}
}

func configured() map[string]Case {
	none := map[string]string{}
	return map[string]Case{
		"labels": {Dockerfile: "FROM BASE\nLABEL a=b \"c d\"=\"e f\" of=mine\n", Want: none, Config: func(c *v1.Config) { c.Labels = map[string]string{"a": "b", "c d": "e f", "of": "mine"} }},
		"ports": {Dockerfile: "FROM PROGRAM\nARG P=9000\nEXPOSE 8080 53/UDP 7000-7002 $P/tcp\n", Want: none, Config: func(c *v1.Config) {
			c.ExposedPorts = set("80/tcp", "8080/tcp", "53/udp", "7000/tcp", "7001/tcp", "7002/tcp", "9000/tcp")
		}},
		"volumes":              {Dockerfile: "FROM BASE\nVOLUME /a /b\nVOLUME [\"/c d\"]\n", Want: none, Config: func(c *v1.Config) { c.Volumes = set("/a", "/b", "/c d") }},
		"a user":               {Dockerfile: "FROM BASE\nARG U=app\nUSER $U:staff\n", Want: none, Config: func(c *v1.Config) { c.User = "app:staff" }},
		"a command":            {Dockerfile: "FROM BASE\nCMD [\"a\", \"$B\"]\n", Want: none, Config: func(c *v1.Config) { c.Cmd = []string{"a", "$B"} }},
		"a command in a shell": {Dockerfile: "FROM BASE\nCMD a  $B && c\n", Want: none, Config: func(c *v1.Config) { c.Cmd = []string{"/bin/sh", "-c", "a  $B && c"} }},
		"another shell": {Dockerfile: "FROM BASE\nSHELL [\"/bin/bash\", \"-ec\"]\nENTRYPOINT a b\n", Want: none, Config: func(c *v1.Config) {
			c.Shell, c.Entrypoint, c.Cmd = []string{"/bin/bash", "-ec"}, []string{"/bin/bash", "-ec", "a b"}, nil
		}},
		"an entry point":             {Dockerfile: "FROM BASE\nENTRYPOINT [\"e\"]\n", Want: none, Config: func(c *v1.Config) { c.Entrypoint, c.Cmd = []string{"e"}, nil }},
		"an entry point and command": {Dockerfile: "FROM PROGRAM\nCMD [\"c\"]\nENTRYPOINT [\"e\"]\n", Want: none, Config: func(c *v1.Config) { c.Entrypoint, c.Cmd = []string{"e"}, []string{"c"} }},
		"a command for the base's":   {Dockerfile: "FROM PROGRAM\nCMD [\"c\"]\n", Want: none, Config: func(c *v1.Config) { c.Cmd = []string{"c"} }},
		"a signal":                   {Dockerfile: "FROM BASE\nSTOPSIGNAL SIGQUIT\n", Want: none, Config: func(c *v1.Config) { c.StopSignal = "SIGQUIT" }},
		"a health check": {Dockerfile: "FROM BASE\nHEALTHCHECK --interval=5s --timeout=3s --start-period=1m --retries=4 CMD wget -q localhost\n", Want: none, Config: func(c *v1.Config) {
			c.Healthcheck = &v1.HealthConfig{Test: []string{"CMD-SHELL", "wget -q localhost"}, Interval: 5 * time.Second, Timeout: 3 * time.Second, StartPeriod: time.Minute, Retries: 4}
		}},
		"no health check":         {Dockerfile: "FROM BASE\nHEALTHCHECK NONE\n", Want: none, Config: func(c *v1.Config) { c.Healthcheck = &v1.HealthConfig{Test: []string{"NONE"}} }},
		"WORKDIR on WORKDIR":      {Dockerfile: "FROM BASE\nWORKDIR /srv\nWORKDIR x\nWORKDIR ../y\n", Want: map[string]string{"srv/x": dir, "srv/y": dir}, Config: func(c *v1.Config) { c.WorkingDir = "/srv/y" }},
		"WORKDIR of a variable":   {Dockerfile: "FROM BASE\nENV D=/srv/z\nWORKDIR $D\n", Want: map[string]string{"srv/z": dir}, Config: func(c *v1.Config) { c.Env, c.WorkingDir = append(c.Env, "D=/srv/z"), "/srv/z" }},
		"nothing but FROM":        {Dockerfile: "FROM BASE\n", Want: none},
		"comments and long lines": {Dockerfile: "# one\n\nFROM BASE\n# two\nLABEL a=1 \\\n  # three\n  b=2\n", Want: none, Config: func(c *v1.Config) { c.Labels["a"], c.Labels["b"] = "1", "2" }},
		"an odd signal":           {Dockerfile: "FROM BASE\nSTOPSIGNAL SIGWHAT\n", Runs: "no signal"},
		"an odd port":             {Dockerfile: "FROM BASE\nEXPOSE 127.0.0.1:80:80\n", Runs: "no plain port"},
		"a new kind of check":     {Dockerfile: "FROM BASE\nHEALTHCHECK --start-interval=1s CMD x\n", Runs: "start-interval"},
	}
}

func set(of ...string) map[string]struct{} {
	made := map[string]struct{}{}
	for _, one := range of {
		made[one] = struct{}{}
	}
	return made
}

func staged() map[string]Case {
	a := func() map[string]gittest.File { return files("a", "a", "d/b", "b") }
	return map[string]Case{
		"a stage on a stage":        {Dockerfile: "FROM BASE AS one\nENV A=1\nCOPY a /one\nCMD [\"one\"]\nFROM one\nCOPY a /two-$A\n", Files: a(), Want: map[string]string{"one": "f 644 0:0 a", "two-1": "f 644 0:0 a"}, Config: func(c *v1.Config) { c.Env, c.Cmd = append(c.Env, "A=1"), []string{"one"} }},
		"an inherited command":      {Dockerfile: "FROM BASE AS one\nCMD [\"one\"]\nFROM one\nENTRYPOINT [\"e\"]\n", Want: map[string]string{}, Config: func(c *v1.Config) { c.Entrypoint, c.Cmd = []string{"e"}, nil }},
		"files of a stage":          {Dockerfile: "FROM scratch AS one\nCOPY d /x/y\nFROM BASE\nCOPY --from=one /x /z\n", Files: a(), Want: map[string]string{"z": dir, "z/y": dir, "z/y/b": "f 644 0:0 b"}},
		"a file of a stage":         {Dockerfile: "FROM scratch\nCOPY d /x\nFROM BASE\nCOPY --from=0 /x/b /srv/\n", Files: a(), Want: map[string]string{"srv/b": "f 644 0:0 b"}},
		"with another owner":        {Dockerfile: "FROM scratch AS one\nCOPY --chown=1:1 a /a\nFROM BASE\nCOPY --from=one --chown=7:8 /a /a\n", Files: a(), Want: map[string]string{"a": "f 644 7:8 a"}},
		"the target":                {Dockerfile: "FROM BASE AS one\nLABEL a=1\nFROM BASE AS two\nRUN x\n", Target: "one", Want: map[string]string{}, Config: func(c *v1.Config) { c.Labels["a"] = "1" }},
		"a stage that isn't needed": {Dockerfile: "FROM BASE AS one\nRUN x\nFROM BASE\nLABEL a=1\n", Want: map[string]string{}, Config: func(c *v1.Config) { c.Labels["a"] = "1" }},
		"scratch":                   {Dockerfile: "FROM scratch\nCOPY a /\nCMD [\"/a\"]\n", Files: a(), Want: map[string]string{"a": "f 644 0:0 a"}, Config: func(c *v1.Config) { empties(c); c.Cmd = []string{"/a"} }},
		"a base by a variable":      {Dockerfile: "ARG IMAGE=BASE\nFROM ${IMAGE}\nCOPY a /a\n", Files: a(), Want: map[string]string{"a": "f 644 0:0 a"}},
		"an argument of a parent":   {Dockerfile: "FROM BASE AS one\nARG N=a\nFROM one\nCOPY $N /x\n", Files: a(), Runs: "$N depends on the builder"},
		"an owner of a stage":       {Dockerfile: "FROM scratch AS one\nCOPY --chown=1:1 a /a\nFROM BASE\nCOPY --from=one /a /a\n", Files: a(), Runs: "owner of /a"},
		"the base's files":          {Dockerfile: "FROM BASE AS one\nCOPY a /srv/\nFROM BASE\nCOPY --from=one /srv /x\n", Files: a(), Runs: "base image's"},
		"a missing file of a stage": {Dockerfile: "FROM scratch AS one\nCOPY a /a\nFROM BASE\nCOPY --from=one /b /b\n", Files: a(), Runs: "has no /b"},
		"a needed stage that runs":  {Dockerfile: "FROM BASE AS one\nRUN x\nFROM BASE\nCOPY --from=one /b /b\n", Runs: "RUN"},
		"another platform":          {Dockerfile: "FROM --platform=linux/arm64 BASE\nCOPY a /a\n", Files: a(), Runs: "platform"},
	}
}

func left() map[string]Case {
	return map[string]Case{
		"a command that runs":         {Dockerfile: "FROM BASE\nRUN echo\n", Runs: "RUN runs a command"},
		"an image of nothing":         {Dockerfile: "FROM scratch\nCMD [\"x\"]\n", Runs: "no files at all"},
		"instructions of the base":    {Dockerfile: "FROM TRIGGERS\n", Runs: "ONBUILD"},
		"instructions for others":     {Dockerfile: "FROM BASE\nONBUILD RUN x\n", Runs: "ONBUILD"},
		"files of another image":      {Dockerfile: "FROM BASE\nCOPY --from=PROGRAM /usr/bin/tool /x\n", Runs: "another image"},
		"a variable that is too long": {Dockerfile: "FROM BASE\nENV A=" + long(3000) + "\nENV B=$A$A\n", Runs: "very long"},
	}
}

func long(n int) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = 'x'
	}
	return string(text)
}
