package roster

import "fmt"

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
// several are as large. [Roster.Reachable] holds
// that for every place there are enough.
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

// Reachable returns an error when for some place, or where nobody says where it
// happened, too few reviewers are from elsewhere.
func (r *Roster) Reachable() error {
	places := []string{""}
	for _, v := range r.Reviewers {
		places = append(places, Province(v.Region))
	}
	for _, place := range places {
		if n := count(r.Outside(place)); n < r.Quorum.Outside {
			where := "that names no province"
			if place != "" && place != National {
				where = "of province " + place
			}
			return fmt.Errorf("quorum %d outside %d: for a testimony %s, %d are from elsewhere",
				r.Quorum.Needed, r.Quorum.Outside, where, n)
		}
	}
	return nil
}

func count(marks []bool) (n int) {
	for _, marked := range marks {
		if marked {
			n++
		}
	}
	return n
}
