// The load generator is built in the workspace of go.work, with the service
// beside it: what it needs has the versions of the service's go.mod, and the
// generators of ../go.mod keep theirs. That is why it requires nothing here.
module github.com/monarc-project/stats-service/tools/loadgen

go 1.26.0
