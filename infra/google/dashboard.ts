import { timeSeries, type Aggregation, type Watched } from "./time-series.ts";

/**
 * A dashboard, as `gcloud monitoring dashboards create --config-from-file` takes it
 * (https://cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.dashboards).
 */
export interface Dashboard {
  readonly displayName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly mosaicLayout: { readonly columns: number; readonly tiles: readonly Tile[] };
}

interface Tile {
  readonly xPos?: number;
  readonly yPos?: number;
  readonly width: number;
  readonly height: number;
  readonly widget: { readonly title: string; readonly xyChart: Chart };
}

interface Chart {
  readonly dataSets: readonly DataSet[];
  readonly yAxis: { readonly label: string; readonly scale: "LINEAR" | "LOG10" };
}

interface DataSet {
  readonly plotType: "LINE" | "STACKED_BAR" | "STACKED_AREA";
  readonly legendTemplate: string;
  readonly timeSeriesQuery: {
    readonly timeSeriesFilter: { readonly filter: string; readonly aggregation: Aggregation };
  };
}

interface Drawn {
  readonly title: string;
  readonly unit: string;
  readonly dataSets: readonly DataSet[];
}

const columns = 48;
const width = 24;
const height = 16;

/** The dashboard of a deployment: what is asked, what is built, what waits, what it takes. */
export function dashboard(watched: Watched): Dashboard {
  return {
    displayName: `${watched.prefix}: registry`,
    labels: { [watched.prefix]: "" },
    mosaicLayout: { columns, tiles: charts(watched).map(tileOf) },
  };
}

function charts(watched: Watched): readonly Drawn[] {
  const series = timeSeries(watched);
  return [
    {
      title: "Requests, warm pulls among them",
      unit: "in a minute",
      dataSets: [stacked(series.requests(), "metric.labels.response_code_class")],
    },
    {
      title: "Cold pulls, by what came of them",
      unit: "in a minute",
      dataSets: [stacked(series.pulls(), "metric.labels.outcome")],
    },
    {
      title: "Builds, by what came of them",
      unit: "in a minute",
      dataSets: [stacked(series.builds, "metric.labels.reason")],
    },
    {
      title: "How long builds take",
      unit: "s",
      dataSets: percentiles(
        series.buildSeconds({ "metric.labels.outcome": "ready" }),
        "ALIGN_DELTA",
      ),
    },
    {
      title: "How long cold pulls are held",
      unit: "s",
      dataSets: percentiles(series.pullSeconds, "ALIGN_DELTA"),
    },
    {
      title: "How long the oldest pull waits for a worker",
      unit: "s",
      dataSets: [
        lineOf("builds", series.queueSeconds, "ALIGN_PERCENTILE_99", "REDUCE_MAX"),
        lineOf("tags to look up", series.unansweredPins, "ALIGN_MAX", "REDUCE_MAX"),
      ],
    },
    {
      title: "Dead letters",
      unit: "in a minute",
      dataSets: series.deadLetters.map((each) => stacked(each, "metric.labels.cause")),
    },
    {
      title: "Errors nobody expected",
      unit: "in a minute",
      dataSets: [lineOf("requests", series.requestFailures, "ALIGN_DELTA", "REDUCE_SUM")],
    },
    {
      title: "How long the function takes",
      unit: "ms",
      dataSets: percentiles(series.latencies, "ALIGN_DELTA"),
    },
    {
      title: "Instances of the function",
      unit: "instances",
      dataSets: [
        {
          ...stacked(series.instances, "metric.labels.state", "ALIGN_MAX"),
          plotType: "STACKED_AREA",
        },
      ],
    },
    {
      title: "Stored in the bucket",
      unit: "bytes",
      dataSets: [lineOf("blobs", series.storedBytes, "ALIGN_MEAN", "REDUCE_SUM")],
    },
  ];
}

function tileOf({ title, unit, dataSets }: Drawn, i: number): Tile {
  return {
    xPos: (i % 2) * width,
    yPos: Math.floor(i / 2) * height,
    width,
    height,
    widget: { title, xyChart: { dataSets, yAxis: { label: unit, scale: "LINEAR" } } },
  };
}

function drawn(
  plotType: DataSet["plotType"],
  legendTemplate: string,
  filter: string,
  aggregation: Omit<Aggregation, "alignmentPeriod">,
): DataSet {
  const timeSeriesFilter = {
    filter,
    aggregation: { alignmentPeriod: "60s", ...aggregation },
  } as const;
  return { plotType, legendTemplate, timeSeriesQuery: { timeSeriesFilter } };
}

/** What is counted in each minute, apart by a label. */
function stacked(filter: string, by: string, perSeriesAligner = "ALIGN_DELTA"): DataSet {
  return drawn("STACKED_BAR", `\${${by}}`, filter, {
    perSeriesAligner,
    crossSeriesReducer: "REDUCE_SUM",
    groupByFields: [by],
  });
}

function lineOf(
  legend: string,
  filter: string,
  perSeriesAligner: string,
  crossSeriesReducer: string,
): DataSet {
  return drawn("LINE", legend, filter, { perSeriesAligner, crossSeriesReducer });
}

function percentiles(filter: string, aligner: string): readonly DataSet[] {
  return [50, 95, 99].map((each) =>
    lineOf(`${each} %`, filter, aligner, `REDUCE_PERCENTILE_${each}`),
  );
}
