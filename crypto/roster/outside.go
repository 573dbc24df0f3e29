package roster

// National is the region of a reviewer who works for the whole country.
const National = "00"

// Province returns the first two digits of a region's code: the province that it
// is, or lies in.
func Province(region string) string {
	if len(region) < len(National) {
		return ""
	}
	return region[:len(National)]
}

// Outside reports, for each slot, whether its reviewer counts as one from
// elsewhere for an incident in a province, such as "73". Of those the quorum
// asks for [Quorum.Outside].
//
// From elsewhere is who does not stand for that province. Where nobody said in
// which province it was, only those are who stand for the whole country. If
// these are too few, as in a drop of a single province, it is who belongs to
// another organisation than the one with most reviewers: the first of them, if
// several are as large. [Roster.check] holds that those are always enough, or
// the first kind is for every province.
func (r *Roster) Outside(province string) []bool {
	known := province != "" && province != National
	outside := make([]bool, len(r.Reviewers))
	for i, v := range r.Reviewers {
		outside[i] = Province(v.Region) == National || known && Province(v.Region) != province
	}
	if count(outside) >= r.Quorum.Outside {
		return outside
	}
	largest := r.largestOrganisation()
	for i, v := range r.Reviewers {
		outside[i] = v.Organisation != largest
	}
	return outside
}

func (r *Roster) largestOrganisation() string {
	members, largest := map[string]int{}, ""
	for _, v := range r.Reviewers {
		members[v.Organisation]++
	}
	for _, v := range r.Reviewers {
		if members[v.Organisation] > members[largest] {
			largest = v.Organisation
		}
	}
	return largest
}

// reachable reports whether the quorum can be reached wherever it happened, and
// also when nobody says where.
func (r *Roster) reachable() bool {
	places := []string{""}
	for _, v := range r.Reviewers {
		places = append(places, Province(v.Region))
	}
	for _, place := range places {
		if count(r.Outside(place)) < r.Quorum.Outside {
			return false
		}
	}
	return true
}

func count(marks []bool) (n int) {
	for _, marked := range marks {
		if marked {
			n++
		}
	}
	return n
}
