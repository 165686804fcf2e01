package report

// Bounds of a report. A sweep has up to 10,000 points, and a page with all of them would take
// hundreds of megabytes. What is left out is in results.csv and course.csv.
const (
	maxCourses  = 2 * len(familyColors) // points with a curve in the course
	maxDetails  = len(familyColors)     // of these, points with a diagram and a table of their own
	maxFamilies = 2 * len(familyColors) // curves of a metric
	maxMarks    = 100                   // marks of a curve
	maxNames    = 30                    // names below a horizontal axis
	maxRows     = 240                   // points in a table of a metric
)

// spreadOver returns at most most of the elements of a list, spread evenly over it, with the
// first and the last one. most must be at least 2.
func spreadOver[T any](list []T, most int) []T {
	if len(list) <= most {
		return list
	}
	some := make([]T, most)
	for i := range some {
		some[i] = list[(i*(len(list)-1)+(most-1)/2)/(most-1)]
	}
	return some
}
