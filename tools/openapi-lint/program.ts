import type { paths } from "./api";

type List = paths["/stats/"]["get"]["responses"][200]["content"]["application/json"];

export async function print(server: string, token: string): Promise<void> {
  const answer = await fetch(`${server}/api/v1/stats/?type=threat`, { headers: { "X-API-KEY": token } });
  for (const stats of ((await answer.json()) as List).data)
    if (stats.type === "threat") for (const threat of stats.data) console.log(stats.date, threat.label2 ?? "", threat.count);
}
