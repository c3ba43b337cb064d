import type { Measures } from "./layer-measures.ts";

const width = 760;
const labels = 210;
const bar = 18;
const most = 4.6;
const colours: Readonly<Record<string, string>> = {
  "94": "#2b6cb0",
  "60": "#4299e1",
  "30": "#90cdf4",
};

/** Bars of what registries store, by grouping and budget, as ratios to one layer a path, as an SVG. */
export function layerChart(
  results: ReadonlyMap<string, Measures>,
  names: readonly string[],
): string {
  const rows: string[] = [];
  let y = 48;
  for (const name of names) {
    rows.push(text(labels - 10, y + bar * 1.5 + 5, name, "end"));
    for (const [budget, colour] of Object.entries(colours).toReversed()) {
      const stored = results.get(`${name} ${budget}`)?.stored ?? 0;
      const length = (Math.min(stored, most) / most) * (width - labels - 70);
      rows.push(
        `<rect x="${labels}" y="${y}" width="${length.toFixed(1)}" height="${bar - 2}" fill="${colour}"/>`,
        text(
          labels + length + 6,
          y + bar - 5,
          `${stored.toFixed(2)} (${budget} layers)`,
          "start",
          11,
        ),
      );
      y += bar;
    }
    y += 12;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width + 40}" height="${y}" font-family="sans-serif">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    text(16, 24, "Bytes stored for 300 images, one layer a path being 1", "start", 15),
    ...rows,
    "</svg>\n",
  ].join("\n");
}

function text(x: number, y: number, words: string, anchor: string, size = 13): string {
  return `<text x="${x.toFixed(1)}" y="${y}" font-size="${size}" text-anchor="${anchor}" fill="#1a202c">${words}</text>`;
}
