package gate

import (
	"net/http"
	"slices"
	"strings"
)

// Agents are programs that look at pages for nobody: what they ask for neither wakes a
// preview nor keeps it awake. Each is a part of a User-Agent, in lower case.
func Agents() []string {
	return []string{
		// probes and monitors
		"kube-probe", "googlehc", "elb-healthchecker", "prometheus", "blackbox", "uptime", "pingdom", "statuscake", "site24x7", "newrelicpinger", "datadog",
		"zabbix", "nagios", "check_http", "checkly", "hetrixtools", "freshping", "updown.io", "cron-job.org", "pingbot", "betterstack", "monit/",
		// who shows what a link leads to
		"slackbot", "slack-imgproxy", "discordbot", "telegrambot", "twitterbot", "facebookexternalhit", "linkedinbot", "whatsapp", "skypeuripreview",
		"microsoftpreview", "mattermost", "github-camo", "gitlab", "embedly", "iframely", "redditbot", "mastodon", "bitlybot", "vkshare", "pinterest",
		// crawlers
		"googlebot", "bingbot", "yandexbot", "baiduspider", "duckduckbot", "applebot", "ahrefsbot", "semrushbot", "gptbot", "claudebot", "ccbot", "bytespider",
		"amazonbot", "petalbot",
	}
}

// isVisit reports whether somebody looks at a preview by a request, and not a program
// among the agents.
func isVisit(r *http.Request, agents []string) bool {
	if r.Method == http.MethodHead || r.URL.Path == "/robots.txt" || r.URL.Path == "/favicon.ico" {
		return false
	}
	if strings.HasPrefix(r.Header.Get("Sec-Purpose"), "prefetch") || r.Header.Get("Purpose") == "prefetch" || r.Header.Get("X-Purpose") == "preview" {
		return false
	}
	agent := strings.ToLower(r.UserAgent())
	return !slices.ContainsFunc(agents, func(part string) bool { return part != "" && strings.Contains(agent, part) })
}

// isBrowser reports whether a person waits for a page.
func isBrowser(r *http.Request) bool {
	if r.Method != http.MethodGet || r.Header.Get("Upgrade") != "" {
		return false
	}
	mode := r.Header.Get("Sec-Fetch-Mode")
	return (mode == "" || mode == "navigate") && strings.Contains(strings.ToLower(r.Header.Get("Accept")), "text/html")
}
