package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/units"

// Node is about the API, the store and the process.
func Node() Dashboard {
	return Dashboard{
		UID:   "lode-node",
		Title: "Lode: node",
		About: "HTTP, store and runtime of the nodes.",
		Rows: []Row{
			{Title: "Process", Panels: []Panel{
				{
					Title: "Version", Kind: Stat, Width: 8, Text: true,
					About:   "What runs. Nodes of one network should run the same, or versions next to each other.",
					Queries: []Query{{`count by (version) (lode_build_info{job=~"$job", instance=~"$instance"})`, "{{version}}"}},
				},
				{
					Title: "Up since", Kind: Stat, Unit: units.Seconds,
					About:   "Of the node that was started last. Small and you have not started one: it has crashed; its log says why.",
					Queries: []Query{{`time() - max(process_start_time_seconds{job=~"$job", instance=~"$instance"})`, ""}},
				},
				{
					Title: "Store", Kind: Stat,
					About:   "Broken: a write has failed in a way that leaves open what is on disk, and the node takes no changes. See the alert LodeStoreBroken.",
					Queries: []Query{{`max(lode_store_broken{job=~"$job", instance=~"$instance"})`, ""}},
					Steps:   zeroIsGood(),
					Words:   map[string]string{"0": "takes changes", "1": "BROKEN"},
				},
				{
					Title: "Free disk space", Kind: Stat, Unit: units.BytesIEC,
					About:   "Of the node that has least, quotas aside. Below 1 GiB is the alert LodeDiskSpaceLow.",
					Queries: []Query{{`min(lode_store_free_bytes{job=~"$job", instance=~"$instance"})`, ""}},
					Steps:   []Step{{0, bad}, {1 << 30, odd}, {4 << 30, good}},
				},
				{
					Title: "Changes that were not made", Kind: Stat,
					About:   "In the last hour, in posts and blocks. More than 0: see the alert LodeDiskFull.",
					Queries: []Query{{`sum(increase(lode_store_failures_total{job=~"$job", instance=~"$instance"}[1h]))`, ""}},
					Steps:   zeroIsGood(),
				},
			}},
			{Title: "HTTP", Panels: []Panel{
				{
					Title: "Requests by route, per second", Kind: Stack,
					About:   "What is asked of the nodes. /metrics is Prometheus itself.",
					Queries: []Query{{`sum by (route) (rate(lode_http_requests_total{job=~"$job", instance=~"$instance"}[$__rate_interval])) > 0`, "{{route}}"}},
				},
				{
					Title: "Time to answer, 99 of a hundred, by route", Kind: Lines, Unit: units.Seconds, Log: true,
					About:   "/mine waits for a block, so its time is that of mining. For the others above 0.5 s: see the alert LodeAPISlow.",
					Queries: []Query{{`histogram_quantile(0.99, sum by (route, le) (rate(lode_http_request_duration_seconds_bucket{job=~"$job", instance=~"$instance"}[5m]))) >= 0`, "{{route}}"}},
				},
				{
					Title: "Requests by method and code, per second", Kind: Stack,
					About:   "4xx are the client's fault, 499 left before the answer, 503 found the node full, 507 its disk.",
					Queries: []Query{{`sum by (method, code) (rate(lode_http_requests_total{job=~"$job", instance=~"$instance"}[$__rate_interval])) > 0`, "{{method}} {{code}}"}},
				},
				{
					Title: "Connections", Kind: Lines,
					About: "Of clients and other nodes, which are open, and those closed at once in a minute because there were too many (--connections).",
					Queries: []Query{
						{`lode_http_connections{job=~"$job", instance=~"$instance"}`, "open, {{instance}}"},
						{`60 * rate(lode_http_connections_refused_total{job=~"$job", instance=~"$instance"}[2m])`, "refused, {{instance}}"},
					},
				},
				{
					Title: "Requests in flight", Kind: Lines,
					About:   "At 1024 a node says 503. Many for long: slow clients, or a slow disk.",
					Queries: []Query{{`lode_http_requests_in_flight{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Event streams", Kind: Lines,
					About:   "Browsers and programs that watch. At 64 a node says 503.",
					Queries: []Query{{`lode_http_event_streams{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
			}},
			{Title: "Store", Panels: []Panel{
				{
					Title: "Time to commit", Kind: Lines, Width: 6, Unit: units.Seconds, Log: true,
					About:   "99th percentile of writing a group of changes and syncing it. It is the disk's time; above 100 ms the disk is slow or shared.",
					Queries: []Query{{`instance:lode_store_commit_duration_seconds:p99{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
					Steps:   rising(.1, 1),
				},
				{
					Title: "Changes in a commit", Kind: Lines, Width: 6,
					About:   "Posts that share one sync. It grows with the load, which keeps posts fast.",
					Queries: []Query{{`sum by (instance) (rate(lode_store_changes_total{job=~"$job", instance=~"$instance"}[$__rate_interval])) / sum by (instance) (rate(lode_store_commit_duration_seconds_count{job=~"$job", instance=~"$instance"}[$__rate_interval]) > 0)`, "{{instance}}"}},
				},
				{
					Title: "Size of the store", Kind: Lines, Width: 6, Unit: units.BytesIEC,
					About:   "It grows with blocks and with the mempool, and never shrinks.",
					Queries: []Query{{`lode_store_size_bytes{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Changes not made, per minute", Kind: Stack, Width: 6,
					About:   "no-space: make space, and the node goes on by itself. broken: restart it. refused: a fault in the node; report it.",
					Queries: []Query{{`60 * sum by (reason) (rate(lode_store_failures_total{job=~"$job", instance=~"$instance"}[2m]))`, "{{reason}}"}},
				},
			}},
			{Title: "Runtime", Panels: []Panel{
				{
					Title: "Memory", Kind: Lines, Width: 6, Unit: units.BytesIEC,
					About: "Of the process, and of Go's heap in it. The header index takes at most 200 bytes a block.",
					Queries: []Query{
						{`process_resident_memory_bytes{job=~"$job", instance=~"$instance"}`, "process {{instance}}"},
						{`go_memstats_heap_inuse_bytes{job=~"$job", instance=~"$instance"}`, "heap {{instance}}"},
					},
				},
				{
					Title: "Goroutines", Kind: Lines, Width: 6,
					About:   "Workers, requests and peers. A steady rise is a leak; report it.",
					Queries: []Query{{`go_goroutines{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
				},
				{
					Title: "Longest pause of the garbage collector", Kind: Lines, Width: 6, Unit: units.Seconds,
					About:   "Of the latest cycles. Far below a millisecond on a machine with a core to spare.",
					Queries: []Query{{`go_gc_duration_seconds{job=~"$job", instance=~"$instance", quantile="1"}`, "{{instance}}"}},
				},
				{
					Title: "Open files", Kind: Lines, Width: 6, Unit: units.PercentUnit,
					About:   "Of those that the process may have. Near 100 % it takes no connections: raise the limit (ulimit -n).",
					Queries: []Query{{`process_open_fds{job=~"$job", instance=~"$instance"} / process_max_fds{job=~"$job", instance=~"$instance"}`, "{{instance}}"}},
					Steps:   rising(.5, .9),
				},
			}},
		},
	}
}
