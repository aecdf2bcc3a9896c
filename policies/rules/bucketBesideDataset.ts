import { bucket, dataset } from "./common/kinds.ts";
import { stackRule } from "./common/rule.ts";
import { known } from "./common/unknown.ts";

export const bucketBesideDataset = stackRule(
  {
    name: "bucket-beside-dataset",
    severity: "high",
    description:
      "Bucket and datasets lie together: BigQuery loads into the US multi-region from anywhere, into other places only from a bucket there.",
    remedy: "Give bucketLocation and bigqueryLocation the same value, or set bigqueryLocation to US",
  },
  (resources) => {
    const placed = resources.map(({ type, name, urn, props }) => ({
      type,
      name,
      urn,
      location: known(() => props["location"] as string | undefined)?.toUpperCase(),
    }));
    const buckets = placed.filter(({ type }) => type === bucket.type);
    return placed
      .filter(({ type, location }) => type === dataset.type && location !== undefined && location !== "US")
      .flatMap(({ name, urn, location }) =>
        buckets
          .filter((one) => one.location !== undefined && one.location !== location)
          .map((one) => ({
            finding: `Dataset ${name} lies in ${location}, bucket ${one.name} in ${one.location}`,
            urn,
          })),
      );
  },
);
